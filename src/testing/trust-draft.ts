import { parseClientId, parseTrustId } from '../domain/ids.ts';
import type { Trust } from '../tenancy/tenant.ts';

/** A trusted issuer that differs in some points from one for the users of acme's client `web`. */
export function trustDraft(changes: Pick<Trust, 'issuer'> & Partial<Trust>): Trust {
  return {
    id: parseTrustId('corp')!,
    jwksUri: undefined,
    audiences: ['tessera-acme'],
    algorithms: ['ES256'],
    keyUse: undefined,
    types: [],
    audienceClaim: undefined,
    azp: undefined,
    emailVerified: undefined,
    conditions: new Map([['hd', ['acme.example']]]),
    subject: { match: 'email', domains: new Set(['acme.example']) },
    clients: [parseClientId('web')!],
    surfaces: ['user'],
    maxAgeSeconds: 600,
    maxLifetimeSeconds: 3_600,
    ...changes,
  };
}
