import type { TokenVerifier, VerifiedToken } from '@tessera/token';

/** The verifier of the guard. Inject it by this class to verify tokens outside of routes. */
export abstract class TesseraVerifier implements TokenVerifier {
  abstract verify(token: string): Promise<VerifiedToken>;
  abstract hydrate(): Promise<void>;
  abstract close(): void;
}
