import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { VERSION } from '../../config/version.ts';
import type { RouteRow } from '../routes/route-table.ts';
import { completeDocument } from './api-document.ts';
import { prepareRequest, tesseraPlugin } from './swagger-ui-plugin.ts';

/** The security scheme of routes with client authentication, for `@ApiBasicAuth`. */
export const CLIENT_SCHEME = 'tessera-client';

/** The security scheme of bearer routes, for `@ApiBearerAuth`. */
export const BEARER_SCHEME = 'tessera-token';

const DESCRIPTION = [
  'A service authenticates and names a subject. Tessera answers with a short-lived signed JWT that carries what this subject may do in this tenant.',
  'To try it with the example tenant of `npm run quickstart`: execute `POST /auth/user/generateToken` with the secret that the quickstart printed, copy `access_token` from the response into **Authorize**, and execute the others.',
  'A service that calls others in its own name, or that has an OAuth library, uses `POST /tenants/{tenantId}/token`: put the client and its secret into **Authorize** and execute it.',
  'Every error has a stable code in `error`. It is `application/problem+json` (RFC 9457, schema `Problem`), at the token endpoint of a tenant `application/json` (RFC 6749, section 5.2, schema `OAuthError`).',
].join('\n\n');

const BEARER_HELP =
  'The `access_token` from the response of `POST /auth/user/generateToken`, or `/auth/admin/generateToken` for routes of administrators. Without the word Bearer. This browser tab keeps it across reloads until it expires.';
const CLIENT_HELP =
  'For `/token`, `/introspect` and `/revoke` of a tenant, a client and its secret (RFC 6749, section 2.3.1). Username: the project and the client, for example `shop/web`. Password: the `secret_id` of `generateToken`. Forgotten at a reload, because a secret is valid for long.';

// A tessera is a tile of a mosaic.
const ICON = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2z" fill="#3b4151"/><path d="M9 9h5v5H9z" fill="#49cc90"/></svg>')}`;

// Without the column of links, which no response has, and the check boxes for empty parameters, which are not sent. A form may have fifteen fields.
const STYLE = `
  .swagger-ui .response-col_links, .swagger-ui .parameter__empty_value_toggle { display: none }
  .swagger-ui tr.parameters td.parameters-col_name { padding: 3px 0 }
  .swagger-ui tr.parameters input[type=text] { margin: 1px 0 3px; padding: 4px 10px }
  .swagger-ui tr.parameters .parameters-col_description, .swagger-ui tr.parameters .renderedMarkdown p { margin: 0 }
  .swagger-ui .parameters-col_description:has(input.invalid)::after { content: 'Required: fill this in.'; color: #f93e3e }
  .swagger-ui .tessera-error td, .swagger-ui .responses-table .tessera-error .response-col_status { padding: 6px 0 0; font-size: 14px }
`;

export interface ApiDocsOptions {
  /** Becomes the server of the document. */
  readonly publicUrl: string;
  /** In the order in which the document lists them. */
  readonly routes: readonly RouteRow[];
}

/** Serves Swagger UI at /docs and the document at /docs-json. The document is made once, when it is first read. */
export function serveApiDocs(app: NestFastifyApplication, options: ApiDocsOptions): void {
  const config = new DocumentBuilder()
    .setTitle('Tessera')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .setOpenAPIVersion('3.1.0')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer(options.publicUrl)
    .addTag('Token Management', 'Tokens for users and administrators.')
    .addTag('Verification', 'Documents for verifying tokens, and endpoints that check or describe one.')
    .addTag('Operation', 'Probes and metrics.')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'at+jwt', description: BEARER_HELP }, BEARER_SCHEME)
    .addBasicAuth({ type: 'http', scheme: 'basic', description: CLIENT_HELP }, CLIENT_SCHEME)
    .build();
  let document: OpenAPIObject | undefined;
  const made = () => completeDocument(SwaggerModule.createDocument(app, config), options.routes);
  SwaggerModule.setup('docs', app, () => (document ??= made()), {
    jsonDocumentUrl: 'docs-json',
    raw: ['json'],
    customSiteTitle: 'Tessera API',
    customfavIcon: ICON,
    customCss: STYLE,
    swaggerOptions: {
      // Without the bar that shows the logo of Swagger.
      layout: 'BaseLayout',
      plugins: [tesseraPlugin],
      requestInterceptor: prepareRequest,
      displayRequestDuration: true,
      tryItOutEnabled: true,
      defaultModelsExpandDepth: 0,
      // The plugin keeps less, and not as long.
      persistAuthorization: false,
      validatorUrl: null,
    },
  });
}
