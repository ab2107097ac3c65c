import type { NameRegistry } from './name-registry.ts';
import {
  byCodeUnit,
  complete,
  email,
  exactText,
  Fields,
  idBy,
  listOf,
  matching,
  oneOf,
  type Reader,
} from './read-fields.ts';
import type { IdentitySpec, PersonSpec } from '../tenants-file.ts';
import { STATUSES } from '../../../domain/status.ts';

const KEYS = ['id', 'email', 'status', 'roles', 'identities'] as const;
type PersonKey = (typeof KEYS)[number];
/** The common fields of users and administrators. */
type Person = { readonly [Key in keyof Omit<PersonSpec, 'roles'>]: PersonSpec[Key] | undefined };

// Without "@": ids appear in plans, audit records and logs, where email addresses must not appear.
const subjectId = matching(
  (text) => (/^[A-Za-z0-9][A-Za-z0-9._:|+=-]{0,127}$/.test(text) ? text : undefined),
  'an id: 1 to 128 ASCII letters, digits and ". _ : | + = -", starting with a letter or digit',
);

export function readPersons<Key extends string, T>(
  kind: 'user' | 'administrator',
  ownKeys: readonly Key[],
  registry: NameRegistry,
  issuerUrls: ReadonlyMap<string, string>,
  finish: (person: Person, fields: Fields<PersonKey | Key>) => T | undefined,
): Reader<readonly T[]> {
  return listOf((node, errors) => {
    const fields = Fields.open<PersonKey | Key>(
      node,
      kind === 'user' ? 'a user' : 'an administrator',
      [...KEYS, ...ownKeys],
      errors,
    );
    if (fields === undefined) return undefined;
    const id = fields.required('id', subjectId, 'write the id that tokens have as "sub"');
    const label = id === undefined ? `this ${kind}` : `${kind} "${id}"`;
    if (id !== undefined) registry.declare(kind, id, fields.place('id'), `${label} appears twice`);
    const address = fields.required('email', email, 'write the e-mail address');
    if (address !== undefined)
      registry.declare(
        `e-mail of ${kind}s`,
        address.canonical,
        fields.place('email'),
        `${label} has the e-mail address of another; case makes no difference`,
      );
    const person: Person = {
      id,
      email: address?.original,
      status: fields.optional('status', oneOf(STATUSES), 'active'),
      identities: fields.optional('identities', readIdentities(kind, label, registry, issuerUrls), []),
    };
    return finish(person, fields);
  });
}

function readIdentities(
  kind: string,
  label: string,
  registry: NameRegistry,
  issuerUrls: ReadonlyMap<string, string>,
): Reader<readonly IdentitySpec[]> {
  const readList = listOf((node, errors) => {
    const fields = Fields.open(node, 'an identity', ['issuer', 'sub'], errors);
    if (fields === undefined) return undefined;
    const issuerId = fields.required(
      'issuer',
      idBy((value) => (typeof value === 'string' ? value : undefined)),
      'write the id of an issuer of this tenant',
    );
    if (issuerId !== undefined)
      registry.refer('issuer', issuerId, fields.place('issuer'), 'declare it under "issuers" of this tenant');
    const identity = complete<IdentitySpec>({
      issuer: issuerId === undefined ? undefined : (issuerUrls.get(issuerId) ?? ''),
      sub: fields.required('sub', exactText, 'write the "sub" that the issuer gives this person'),
    });
    if (identity !== undefined && identity.issuer !== '')
      registry.declare(
        `identity of ${kind}s`,
        JSON.stringify([identity.issuer, identity.sub]),
        fields.at,
        `this identity of ${label} is linked already: one person each`,
      );
    return identity;
  });
  return (node, errors) =>
    readList(node, errors)
      ?.slice()
      .sort((a, b) => byCodeUnit(a.issuer, b.issuer) || byCodeUnit(a.sub, b.sub));
}
