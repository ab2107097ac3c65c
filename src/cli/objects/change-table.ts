import { Argument, InvalidArgumentError, Option } from 'commander';
import { isGrantName } from '../../domain/names.ts';
import {
  adding,
  addingClient,
  type BuildChange,
  editing,
  membership,
  removing,
  removingGroup,
  withStatus,
} from './change-builders.ts';
import { isPersonName, type PathKind } from './object-path.ts';

type Words = readonly string[];

export interface ChangeCommand {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** The argument behind the thing. */
  readonly operand?: Argument;
  readonly options?: readonly Option[];
  /** Behind the command and the thing. */
  readonly example?: string;
  build(given: Given): BuildChange;
}

/** What stands on the command line. */
export interface Given {
  readonly operand: string;
  readonly options: Readonly<Record<string, Words | string | undefined>>;
}

const role = (of: string): Argument =>
  new Argument('<role>', `name of a role of the tenant${of}`).argParser(roleArgument);
const user = (): Argument => new Argument('<user>', 'id or e-mail address of the user').argParser(userArgument);
const list = (flags: string, what: string): Option => new Option(flags, what).argParser(collect);

const DISABLED_TOKENS = 'Tokens that were issued before are valid until they expire: `tessera revoke` ends them.';

/** The commands that change one thing, by its kind. */
export const CHANGES: { readonly [Kind in PathKind]?: readonly ChangeCommand[] } = {
  user: [
    {
      name: 'add',
      summary: 'create a user',
      description: 'Creates a user. The same command again changes nothing; a user with other values is left as it is.',
      options: [
        new Option('--email <address>', 'the e-mail address').makeOptionMandatory(),
        list('--role <name...>', 'a role of the tenant'),
        list('--group <name...>', 'a group of the tenant'),
      ],
      example: '--email eve@acme.example --role viewer',
      build: ({ options }) =>
        adding('user', { email: options['email'], roles: options['role'], groups: options['group'] }),
    },
    ...statusCommands('user', `No new token is issued to the user. ${DISABLED_TOKENS}`),
    {
      name: 'remove',
      summary: 'remove a user and revoke its tokens',
      description: 'Removes a user with its roles, memberships and linked identities, and revokes its tokens.',
      build: () => removing('user'),
    },
    ...roleCommands('user', 'Gives a user a role.', 'Takes a role from a user. A role that comes from a group stays.'),
  ],
  group: [
    {
      name: 'add',
      summary: 'create a group',
      description:
        'Creates a group. The same command again changes nothing; a group with other roles is left as it is.',
      options: [list('--role <name...>', 'a role of its members')],
      example: '--role viewer',
      build: ({ options }) => adding('group', { roles: options['role'] ?? [] }),
    },
    {
      name: 'remove',
      summary: 'remove a group',
      description: 'Removes a group, also from all its users.',
      build: removingGroup,
    },
    {
      name: 'join',
      summary: 'put a user into a group',
      description: 'Puts a user into a group.',
      operand: user(),
      example: 'u-bob',
      build: ({ operand }) => membership('add', operand),
    },
    {
      name: 'leave',
      summary: 'take a user out of a group',
      description: 'Takes a user out of a group.',
      operand: user(),
      example: 'u-bob',
      build: ({ operand }) => membership('take', operand),
    },
    ...roleCommands('group', 'Gives the members of a group a role.', 'Takes a role from the members of a group.'),
  ],
  client: [
    {
      name: 'add',
      summary: 'create a client and its secret',
      description:
        'Creates a client in a project that exists, with a secret, which is shown once, unless it has networks or keys instead. The same command again changes nothing; a client with other values is left as it is.',
      options: [
        list('--surfaces <surface...>', 'user, admin or both').makeOptionMandatory(),
        list('--scopes <name...>', 'the scopes that its tokens may carry at most, or unbounded').makeOptionMandatory(),
        list('--subjects <domain...>', 'the e-mail domains of those whom it may ask for, or any').makeOptionMandatory(),
        new Option('--audience <text>', '"aud" of its tokens; default: the id of the project'),
        new Option('--ttl <duration>', "how long its tokens are valid; default: the tenant's"),
        list('--networks <cidr...>', 'without a secret: every request from these networks is the client'),
        list('--audiences <text...>', 'other values of "aud" that it may ask for at the token endpoint'),
        list('--receives <text...>', '"aud" of the tokens that it may exchange; default: its own audience'),
        list('--service-roles <name...>', 'roles of the tokens that it gets for itself'),
        new Option('--jwks-uri <url>', 'without a secret: it signs assertions with keys that are published there'),
      ],
      example: '--surfaces user --scopes orders:read --subjects acme.example',
      build: ({ options }) => addingClient(clientMembers(options)),
    },
    ...statusCommands('client', `The client gets no token. ${DISABLED_TOKENS}`),
    {
      name: 'remove',
      summary: 'remove a client and revoke its tokens',
      description:
        'Removes a client and revokes its tokens. Its secret stays in Vault until `tessera purge`: adding the client again before that makes it valid again.',
      build: () => removing('client'),
    },
  ],
};

function statusCommands(kind: PathKind, disabled: string): ChangeCommand[] {
  return [
    {
      name: 'disable',
      summary: `disable a ${kind}`,
      description: `Disables a ${kind}. ${disabled}`,
      build: () => withStatus(kind, 'disabled'),
    },
    {
      name: 'enable',
      summary: `enable a ${kind}`,
      description: `Enables a ${kind} that was disabled.`,
      build: () => withStatus(kind, 'active'),
    },
  ];
}

function roleCommands(kind: 'user' | 'group', grant: string, ungrant: string): ChangeCommand[] {
  return [
    {
      name: 'grant',
      summary: `give a ${kind} a role`,
      description: grant,
      operand: role(''),
      example: 'manager',
      build: ({ operand }) => editing(kind, 'roles', 'add', operand),
    },
    {
      name: 'ungrant',
      summary: `take a role from a ${kind}`,
      description: ungrant,
      operand: role(''),
      example: 'manager',
      build: ({ operand }) => editing(kind, 'roles', 'take', operand),
    },
  ];
}

/** As in a tenants file. */
function clientMembers({
  surfaces,
  scopes,
  subjects,
  audience,
  ttl,
  networks,
  audiences,
  receives,
  serviceRoles,
  jwksUri,
}: Given['options']): Record<string, unknown> {
  const isOnly = (words: unknown, word: string) => Array.isArray(words) && words.length === 1 && words[0] === word;
  return {
    surfaces,
    scopes: isOnly(scopes, 'unbounded') ? 'unbounded' : scopes,
    subjects: isOnly(subjects, 'any') ? 'any' : { domains: subjects },
    audience,
    ttl,
    policy: networks === undefined ? undefined : { secretless: { networks } },
    audiences,
    receives,
    service: serviceRoles === undefined ? undefined : { roles: serviceRoles },
    jwks_uri: jwksUri,
  };
}

/** `a,b`, `a b` and a repeated option are the same; an empty word is no value. */
function collect(text: string, before: Words | undefined): Words {
  return [...(before ?? []), ...text.split(',').filter((word) => word !== '')];
}

function roleArgument(text: string): string {
  if (!isGrantName(text)) throw new InvalidArgumentError('Write the name of a role, such as manager.');
  return text;
}

function userArgument(text: string): string {
  if (!isPersonName(text)) throw new InvalidArgumentError('Write the id of a user, such as u-ada.');
  return text;
}
