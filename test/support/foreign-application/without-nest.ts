import { RequireScopes } from '@tessera/client';
import { TestTessera as TesseraOfTheClient } from '@tessera/client/testing';
import { createVerifier, TokenError, type VerifiedToken } from '@tessera/token';
import { parseStrictJson } from '@tessera/token/core';
import { TestTessera } from '@tessera/token/testing';

/** Every entry point of the two packages, and types that are not silently `any`. */
async function main(): Promise<void> {
  const tessera = new TestTessera({ audience: 'shop-api' });
  const verifier = createVerifier(tessera.clientOptions);
  const verified: VerifiedToken = await verifier.verify(tessera.token({ scopes: ['orders:read'] }));
  // @ts-expect-error -- fails the compilation if the declarations were not found
  const notANumber: number = verified.tenantId;
  const refused: unknown = await verifier.verify(tessera.forgedToken()).catch((error: unknown) => error);
  console.log(
    JSON.stringify({
      tenant: notANumber,
      scopes: verified.scopes,
      refused: refused instanceof TokenError && refused.code,
      oneTestingClass: TesseraOfTheClient === TestTessera,
      decorator: typeof RequireScopes('orders:read'),
      parser: typeof parseStrictJson,
    }),
  );
}

void main();
