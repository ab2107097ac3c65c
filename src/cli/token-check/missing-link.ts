import type { PersonSurface } from '../../domain/surface.ts';
import { mapSubject } from '../../identity-providers/claim-checks.ts';
import { writeIdentity } from '../../provisioning/file/write-tenants-file.ts';
import type { Tenant, Trust } from '../../tenancy/tenant.ts';
import { quoted } from './compare-token.ts';

/** The link of an account that nobody in the directory has. */
export interface MissingLink {
  /** As under `identities` of the tenants file. */
  readonly identity: { readonly issuer: string; readonly sub: string };
  /** What to write and where: each is a line. */
  readonly lines: readonly string[];
}

/**
 * The link for the subject that the pipeline looked up and did not find, named by the pipeline's own function. The value is printed in full, also an
 * e-mail address: it must be pasted.
 *
 * @returns undefined if the issuer names its subjects in another way, or if no file may hold the value
 */
export function missingLink(
  claims: Readonly<Record<string, unknown>>,
  trust: Trust,
  tenant: Pick<Tenant, 'directory'>,
  surface: PersonSurface,
  now: number,
): MissingLink | undefined {
  const { subject } = mapSubject({ claims, trust, now });
  if (subject?.by !== 'identity') return undefined;
  const identity = { issuer: trust.id, sub: subject.sub };
  const yaml = writeIdentity(identity);
  if (surface === 'user' && tenant.directory === 'external')
    return { identity, lines: [EXTERNAL, `issuer: ${quoted(subject.issuer)}`, `sub: ${quoted(subject.sub)}`] };
  if (yaml === undefined) return undefined;
  return { identity, lines: [surface === 'admin' ? MANAGED.admin : MANAGED.user, yaml] };
}

const MANAGED: Readonly<Record<PersonSurface, string>> = {
  user: 'Write to the user in the tenants file, together with the identities that the user has already:',
  admin:
    'Write to the administrator in the tenants file, together with the identities that the administrator has already:',
};
const EXTERNAL = 'The directory is external: let the view tessera_user_identities have a row of the user with';
