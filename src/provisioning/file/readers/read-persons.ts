import { isLinkableSub } from '../../../directory/linked-identity.ts';
import { parseSubjectId } from '../../../domain/subject-id.ts';
import { STATUSES } from '../../../domain/status.ts';
import type { PartialIdentity, PartialUser } from '../partial-tenants-file.ts';
import type { NameRegistry } from './name-registry.ts';
import {
  byCodeUnit,
  complete,
  email,
  Fields,
  grantName,
  listOf,
  matching,
  oneOf,
  type Reader,
  setOf,
  withoutPatterns,
} from './read-fields.ts';

const KEYS = ['id', 'email', 'status', 'roles', 'identities'] as const;
type PersonKey = (typeof KEYS)[number];
/** The common members of users and administrators. */
type Person = Omit<PartialUser, 'groups'>;

export const subjectId = matching(
  parseSubjectId,
  'an id: 1 to 128 ASCII letters, digits and ". _ : | + = -", starting with a letter or digit, and not with "client:"',
);

/** Spaces at the ends count, too. */
const linkedSub = matching(
  (text) => (isLinkableSub(text) ? text : undefined),
  'a text of 1 to 255 characters without control characters',
);

export function readPersons<Key extends string, T>(
  kind: 'user' | 'administrator',
  ownKeys: readonly Key[],
  registry: NameRegistry,
  finish: (person: Person, fields: Fields<PersonKey | Key>) => T,
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
    const address = fields.member('email', email);
    if (address !== undefined && address !== null)
      registry.declare(
        `e-mail of ${kind}s`,
        address.canonical,
        fields.place('email'),
        `${label} has the e-mail address of another; case makes no difference`,
      );
    const person = {
      email: address === null ? null : address?.original,
      status: fields.member('status', oneOf(STATUSES)),
      roles: fields.member('roles', setOf(grantName)),
      identities: fields.member('identities', readIdentities(kind, label, registry)),
    };
    const finished = finish({ id: id ?? '', ...person, place: fields.source }, fields);
    return id === undefined ? undefined : finished;
  });
}

function readIdentities(kind: string, label: string, registry: NameRegistry): Reader<readonly PartialIdentity[]> {
  const readList = listOf((node, errors) => {
    const fields = Fields.open(node, 'an identity', ['issuer', 'sub'], errors);
    if (fields === undefined) return undefined;
    const identity = complete<PartialIdentity>({
      // Not read as an id: an export holds the URL of an issuer that is no longer trusted.
      issuer: fields.required(
        'issuer',
        matching((text) => text, 'the id of an issuer of this tenant'),
        'write the id of an issuer of this tenant',
      ),
      sub: fields.required('sub', withoutPatterns(linkedSub), 'write the "sub" that the issuer gives this person'),
    });
    if (identity !== undefined)
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
