import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseClaimedClient } from '../../clients/claimed-client.ts';
import type { EndpointGrant } from '../../domain/grant-types.ts';
import { parseTenantId } from '../../domain/ids.ts';
import { PERSON_SURFACES, type PersonSurface } from '../../domain/surface.ts';
import { explainGrant, type NamedClient } from '../explain/explain-grant.ts';
import { explainToken } from '../explain/explain-token.ts';
import { GRANT_FORMS } from '../explain/explained-grant.ts';
import { outputOption } from '../options.ts';
import type { OutputFormat, Terminal } from '../terminal.ts';

interface Options {
  readonly grant: 'generateToken' | EndpointGrant;
  readonly token?: string;
  readonly audience?: string;
  readonly askScope?: string;
  readonly surface: PersonSurface;
  readonly scope?: string;
  readonly output: OutputFormat;
}

export function addExplain(program: Command, terminal: Terminal): void {
  const command = program.command('explain');
  command
    .summary('say why a client gets a token, or why not')
    .description(
      "Takes the steps of generateToken, or with --grant those of the token endpoint, up to the signature. Prints the result of each, where each scope of the subject comes from, and what cut it. The credentials of the client are assumed, and so is the network of a secretless client. Nothing is signed, recorded or used up. Exits with 1 if there would be no token.\n\nA token that the grant takes is read from standard input. `tessera issuers check --token -` sets an identity provider's token beside what its issuer is trusted with.",
    )
    .argument(
      '<client>',
      'the client: tenant/project/client, or at the token endpoint also tenant/client',
      clientArgument,
    )
    .argument('[subject]', 'for generateToken, the subject: an e-mail address, or its id')
    .addOption(
      new Option('--grant <grant>', 'how the client asks')
        .choices(['generateToken', ...Object.keys(GRANT_FORMS)])
        .default('generateToken'),
    )
    .option('--token <source>', 'the token to exchange, or the ID token; write - and give it on standard input')
    .option('--audience <audience>', 'the audience that the request asks for', requestedArgument)
    .option('--ask-scope <scopes>', 'the scopes that the request asks for, with one space between', requestedArgument)
    .addOption(
      new Option('--surface <surface>', 'for generateToken, the surface of the token')
        .choices([...PERSON_SURFACES])
        .default('user'),
    )
    .option('--scope <scope>', 'show only this scope: where it comes from, or why the token would not have it')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Examples:
  $ tessera explain acme/shop/web ada@acme.example
  $ tessera explain acme/shop/web ada@acme.example --scope orders:delete
  $ tessera explain acme/shop/api --grant client_credentials --ask-scope "orders:read orders:write"
  $ tessera explain acme/api --grant token-exchange --token - --audience stock-api < token.txt`,
    )
    .action((client: NamedClient, subject: string | undefined, options: Options) => {
      const { grant } = options;
      if (grant !== 'generateToken') {
        refuseForGrant(command, grant, subject, options);
        return explainGrant(client, { ...options, grant }, terminal);
      }
      const { tenantId, projectId, clientId } = client;
      for (const name of ['token', 'audience', 'askScope'] as const)
        if (options[name] !== undefined) command.error('error: --token, --audience and --ask-scope are for --grant');
      if (projectId === undefined)
        return command.error(
          'error: generateToken names the project: write tenant/project/client, such as acme/shop/web',
        );
      if (subject === undefined) return command.error("error: missing required argument 'subject'");
      return explainToken({ tenantId, projectId, clientId }, subject, options, terminal);
    });
}

function refuseForGrant(command: Command, grant: EndpointGrant, subject: string | undefined, { token }: Options): void {
  const takesToken = GRANT_FORMS[grant].tokenParameter !== undefined;
  // Not printed: somebody may have given the token itself.
  if (subject !== undefined)
    command.error(`error: ${grant} takes no subject: ${takesToken ? 'the token has it' : 'it is the client itself'}`);
  if (takesToken && token !== '-') command.error('error: write --token - and give the token on standard input');
  if (!takesToken && token !== undefined) command.error(`error: ${grant} takes no --token`);
  if (command.getOptionValueSource('surface') === 'cli') command.error('error: --surface is for generateToken');
}

function clientArgument(text: string): NamedClient {
  const [tenant, ...name] = text.split('/');
  const tenantId = parseTenantId(tenant);
  const claimed = parseClaimedClient(name.join('/'));
  if (tenantId === undefined || claimed === undefined)
    throw new InvalidArgumentError('Write tenant/project/client, such as acme/shop/web.');
  return { tenantId, ...claimed };
}

/** A form has no parameter without a value. */
function requestedArgument(text: string): string {
  if (text === '') throw new InvalidArgumentError('Leave the option out to ask for nothing.');
  return text;
}
