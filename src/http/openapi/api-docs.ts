import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** The name that routes for authenticated clients give to `@ApiBasicAuth`. */
export const CLIENT_SCHEME = 'tessera-client';

/** The name that bearer routes give to `@ApiBearerAuth`. */
export const BEARER_SCHEME = 'tessera-token';

const DESCRIPTION = [
  'A service shows who it is and for whom it asks; Tessera answers with a short-lived signed JWT that carries what this subject may do in this tenant.',
  'Every refusal is `application/problem+json` (RFC 9457) with a stable code in `error`.',
].join('\n\n');

/** Swagger UI at /docs, the document at /docs-json. Made once, at the start. */
export function serveApiDocs(app: NestFastifyApplication, version: string): void {
  const config = new DocumentBuilder()
    .setTitle('Tessera')
    .setDescription(DESCRIPTION)
    .setVersion(version)
    .setOpenAPIVersion('3.1.0')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addTag('Token Management', 'Tokens for administrators and users.')
    .addTag('Verification', 'What verifies a token, and what a token says.')
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

/** The parsers refuse a member that they do not know, and no answer has one that is not documented. */
function closeSchemas(document: OpenAPIObject): OpenAPIObject {
  for (const schema of Object.values(document.components?.schemas ?? {})) {
    if ('properties' in schema) schema.additionalProperties = false;
  }
  return document;
}
