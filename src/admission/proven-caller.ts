import type { SpendableProof } from '../audit/spending.ts';
import type { AdmissionFacts } from '../issuing/admission.ts';
import type { Client } from '../tenancy/tenant.ts';
import type { CanonicalEmail } from '../vocabulary/email.ts';

/** How the subject is looked up in the directory. */
export type SubjectReference =
  | { readonly by: 'email'; readonly email: CanonicalEmail }
  | { readonly by: 'identity'; readonly issuer: string; readonly sub: string };

export interface ProvenFacts {
  readonly client: Client;
  readonly subject: SubjectReference;
  /** The latest end of life that the proof allows, epoch seconds; undefined: the proof sets none. */
  readonly notAfter: number | undefined;
  readonly exchange: AdmissionFacts['exchange'];
  /** Good for one token in this tenant: spent after every check and before the token leaves. Undefined: the proof may be used again. */
  readonly once: SpendableProof | undefined;
}

/** Held by the functions that prove a caller; the boundaries check refuses any other importer. */
export const sealProvenCaller = Symbol('sealProvenCaller');

/** A caller that has shown that it may ask for this subject. `admit` takes nothing else, so it cannot be reached too early. */
export class ProvenCaller {
  readonly facts: ProvenFacts;

  private constructor(facts: ProvenFacts) {
    this.facts = Object.freeze(facts);
  }

  static [sealProvenCaller](facts: ProvenFacts): ProvenCaller {
    return new ProvenCaller(facts);
  }
}
