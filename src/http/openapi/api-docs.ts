import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { VERSION } from '../../config/version.ts';
import type { RouteRow } from '../routes/route-table.ts';
import { completeDocument } from './api-document.ts';

/** The security scheme of routes with client authentication, for `@ApiBasicAuth`. */
export const CLIENT_SCHEME = 'tessera-client';

/** The security scheme of bearer routes, for `@ApiBearerAuth`. */
export const BEARER_SCHEME = 'tessera-token';

const DESCRIPTION = [
  'A service authenticates and names a subject. Tessera answers with a short-lived signed JWT that carries what this subject may do in this tenant.',
  'To try it with the example tenant of `npm run quickstart`: execute `POST /auth/user/generateToken` with the secret that the quickstart printed, copy `access_token` from the response into **Authorize**, and execute the others.',
  'Every error is `application/problem+json` (RFC 9457, schema `Problem`) with a stable code in `error`.',
].join('\n\n');

const BEARER_HELP =
  'The `access_token` from the response of `POST /auth/user/generateToken`, or `/auth/admin/generateToken` for routes of administrators. Without the word Bearer.';
const CLIENT_HELP =
  'For `/introspect` and `/revoke`, a client and its secret (RFC 6749, section 2.3.1). Username: the project and the client, for example `shop/web`. Password: the `secret_id` of `generateToken`.';

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
    swaggerOptions: {
      displayRequestDuration: true,
      tryItOutEnabled: true,
      persistAuthorization: false,
      validatorUrl: null,
    },
  });
}
