import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { VERSION } from '../../config/version.ts';

/** The security scheme of routes with client authentication, for `@ApiBasicAuth`. */
export const CLIENT_SCHEME = 'tessera-client';

/** The security scheme of bearer routes, for `@ApiBearerAuth`. */
export const BEARER_SCHEME = 'tessera-token';

const DESCRIPTION = [
  'A service authenticates and names a subject. Tessera answers with a short-lived signed JWT that carries what this subject may do in this tenant.',
  'Every refusal is `application/problem+json` (RFC 9457) with a stable code in `error`.',
].join('\n\n');

/** Serves Swagger UI at /docs and the document at /docs-json. The document is made once, at the start. */
export function serveApiDocs(app: NestFastifyApplication): void {
  const config = new DocumentBuilder()
    .setTitle('Tessera')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .setOpenAPIVersion('3.1.0')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addTag('Token Management', 'Tokens for administrators and users.')
    .addTag('Verification', 'Documents for verifying tokens, and endpoints that check or describe one.')
    .addTag('Operation', 'Probes and metrics.')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'at+jwt' }, BEARER_SCHEME)
    .addBasicAuth(
      { type: 'http', scheme: 'basic', description: 'A client and its secret (RFC 6749, section 2.3.1).' },
      CLIENT_SCHEME,
    )
    .build();
  let document: OpenAPIObject | undefined;
  SwaggerModule.setup('docs', app, () => (document ??= closeSchemas(SwaggerModule.createDocument(app, config))), {
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

/** Marks all schemas as closed: parsers refuse unknown members, and responses have only documented members. */
function closeSchemas(document: OpenAPIObject): OpenAPIObject {
  for (const schema of Object.values(document.components?.schemas ?? {})) {
    if ('properties' in schema) schema.additionalProperties = false;
  }
  return document;
}
