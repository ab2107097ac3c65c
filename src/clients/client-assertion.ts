import { PresentedToken } from '../domain/presented-token.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { withoutPrefix } from '../identity-providers/subject-token-refusal.ts';
import { parseSubjectToken, type SubjectToken } from '../identity-providers/subject-token.ts';
import { type ClaimedClient, parseClaimedClient } from './claimed-client.ts';

/**
 * A client assertion (RFC 7521, section 4.2) of the strict form. Nothing in it is verified yet: it only selects the client, and who must have signed
 * it.
 */
export class ClientAssertion extends PresentedToken {
  /** The client that its `iss` names, if it is the client's own. Undefined: it is of an identity provider, for a workload. */
  readonly issuingClient: ClaimedClient | undefined;
  readonly #token: SubjectToken;

  private constructor(text: string, token: SubjectToken) {
    super(text);
    this.issuingClient = parseClaimedClient(token.issuer);
    this.#token = token;
  }

  /** @throws TesseraError invalid_client */
  static parse(text: string): ClientAssertion {
    try {
      return new ClientAssertion(text, parseSubjectToken(new PresentedToken(text)));
    } catch (error) {
      throw asRefusedAssertion(error);
    }
  }

  /** The parsed assertion, for the code that verifies it. */
  static token(assertion: ClientAssertion): SubjectToken {
    return assertion.#token;
  }
}

/** @param why a fixed phrase, or one with the name of a claim in the tenants file */
export function refusedAssertion(why: string, cause?: unknown): TesseraError {
  return new TesseraError('invalid_client', `the client assertion is refused: ${why}`, { cause });
}

/** An outage and other errors stay what they are. */
export function asRefusedAssertion(error: unknown): unknown {
  return error instanceof TesseraError && error.code === 'unauthorized'
    ? refusedAssertion(withoutPrefix(error.reason), error)
    : error;
}
