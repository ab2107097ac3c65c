import type { TokenVerifier, VerifiedToken } from '@tessera/token';

/** The verifier that the guard asks, for what is no route: inject it by this class. */
export abstract class TesseraVerifier implements TokenVerifier {
  abstract verify(token: string): Promise<VerifiedToken>;
  abstract hydrate(): Promise<void>;
  abstract close(): void;
}
