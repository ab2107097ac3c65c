import { type Command, InvalidArgumentError, Option } from 'commander';
import { conditionsNode } from '../../provisioning/file/thing-nodes.ts';
import type { Condition, Trust } from '../../tenancy/tenant.ts';
import { PERSON_SURFACES } from '../../domain/surface.ts';
import { checkIssuers, type CheckOptions } from '../check-issuers.ts';
import type { ProjectClient } from '../token-check/try-token.ts';
import { findTenant, withReadOnly } from '../installation.ts';
import { outputOption, tenantArgument } from '../options.ts';
import { type OutputFormat, printJson, printLines, table, type Terminal } from '../terminal.ts';

interface Output {
  readonly output: OutputFormat;
}

export function addIssuers(program: Command, terminal: Terminal): void {
  const issuers = program
    .command('issuers')
    .summary('the identity providers that a tenant trusts')
    .description(
      'The identity providers whose tokens a tenant accepts, at oidcToken and at the token endpoint, as configured in the tenants file.',
    );
  issuers
    .command('list')
    .summary('show the trusted issuers of a tenant')
    .description('Shows the issuers that a tenant trusts, for which clients and surfaces, and under which conditions.')
    .argument('<tenant>', 'id of the tenant', tenantArgument)
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ tessera issuers list acme')
    .action((tenantId: string, options: Output) => runList(tenantId, options, terminal));
  const check = issuers.command('check');
  check

    .summary("fetch an issuer's keys, or try a token, as a server would")
    .description(
      `Fetches discovery documents and keys of a tenant's issuers as a server would, and prints the result. With --token, it reads a token from standard input and shows the result of each step of an exchange. Nothing is issued or recorded, and replay protection is not applied: a token that was exchanged before passes here. With a client whose "workload" names the issuer, the token is tried as its client assertion.`,
    )
    .argument('<tenant>', 'id of the tenant', tenantArgument)
    .argument('[issuer]', 'id of the issuer in the tenants file; default: all')
    .option('--token <source>', 'a token to try; write - and give it on standard input')
    .addOption(
      new Option(
        '--client <project/client>',
        'the client that presents the token; default: the only client that may',
      ).argParser(projectClientArgument),
    )
    .addOption(
      new Option('--surface <surface>', 'the surface of the exchange').choices([...PERSON_SURFACES]).default('user'),
    )
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ tessera issuers check acme\n  $ tessera issuers check acme corp\n  $ tessera issuers check acme corp --token - --client shop/web < id-token.txt',
    )
    .action((tenantId: string, issuerId: string | undefined, options: CheckOptions) => {
      // Not done by an argument parser: commander would print the refused value, which may be a token.
      if (options.token !== undefined && options.token !== '-')
        check.error('error: write --token - and give the token on standard input');
      return checkIssuers(tenantId, issuerId, options, terminal);
    });
}

function projectClientArgument(text: string): ProjectClient {
  const [projectId, clientId, ...rest] = text.split('/');
  if (!projectId || !clientId || rest.length > 0)
    throw new InvalidArgumentError('Write project/client, such as shop/web.');
  return { projectId, clientId };
}

async function runList(tenantId: string, { output }: Output, terminal: Terminal): Promise<void> {
  const { stdout } = terminal;
  await withReadOnly(terminal.loadConfig(), async (stores) => {
    const { trusts, id } = (await findTenant(stores, tenantId)).tenant;
    if (output === 'json') printJson(stdout, { issuers: trusts.map(trustDocument) });
    else if (trusts.length === 0)
      printLines(stdout, [`Tenant ${id} trusts no issuer: add one under "issuers" in the tenants file.`]);
    else
      printLines(
        stdout,
        table([
          ['ID', 'ISSUER', 'CLIENTS', 'SURFACES', 'CONDITIONS', 'SUBJECT'],
          ...trusts.map((trust) => [
            trust.id,
            trust.issuer,
            trust.clients.join(','),
            trust.surfaces.join(','),
            conditionsText(trust),
            subjectText(trust),
          ]),
        ]),
      );
  });
}

function trustDocument(trust: Trust): object {
  const { subject, conditions } = trust;
  return {
    id: trust.id,
    issuer: trust.issuer,
    jwks_uri: trust.jwksUri ?? null,
    audiences: trust.audiences,
    audience_claim: trust.audienceClaim ?? null,
    azp: trust.azp ?? null,
    algorithms: trust.algorithms,
    key_use: trust.keyUse ?? null,
    typ: trust.types,
    conditions: conditionsNode(conditions),
    email_verified: trust.emailVerified ?? null,
    subject: subject.match === 'email' ? { match: subject.match, domains: [...subject.domains] } : subject,
    clients: trust.clients,
    surfaces: trust.surfaces,
    max_age_seconds: trust.maxAgeSeconds,
    max_lifetime_seconds: trust.maxLifetimeSeconds,
  };
}

function subjectText({ subject, surfaces }: Trust): string {
  if (subject.match === 'email') return `email of ${[...subject.domains].join(',')}`;
  if (subject.match === 'user') return `${surfaces.includes('admin') ? 'administrator' : 'user'} ${subject.id}`;
  return subject.claim === undefined ? 'linked' : `linked by ${subject.claim}`;
}

function conditionsText({ conditions }: Trust): string {
  if (conditions === 'none') return 'none';
  return [...conditions].map(([claim, condition]) => `${claim}${conditionText(condition)}`).join(' ');
}

function conditionText(condition: Condition): string {
  if ('contains' in condition) return ` contains ${condition.contains}`;
  return 'hasKey' in condition ? ` has key ${condition.hasKey}` : `=${condition.join('|')}`;
}
