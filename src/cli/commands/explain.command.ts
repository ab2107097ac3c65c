import { type Command, Option } from 'commander';
import type { ClientName } from '../../clients/client-secret.store.ts';
import { PERSON_SURFACES } from '../../domain/surface.ts';
import { type ExplainOptions, explainToken } from '../explain/explain-token.ts';
import { clientArgument, outputOption } from '../options.ts';
import type { Terminal } from '../terminal.ts';

export function addExplain(program: Command, terminal: Terminal): void {
  program
    .command('explain')
    .summary('say why a client gets a token for a subject, or why not')
    .description(
      'Takes the steps of generateToken up to the signature, and prints the result of each, where each scope of the subject comes from, and what cut it. The secret of the client is assumed, and so is the network of a secretless client. Nothing is signed or recorded. Exits with 1 if there would be no token.',
    )
    .argument('<client>', 'the client: tenant/project/client', clientArgument)
    .argument('<subject>', 'the subject: an e-mail address, or its id')
    .addOption(
      new Option('--surface <surface>', 'the surface of the token').choices([...PERSON_SURFACES]).default('user'),
    )
    .option('--scope <scope>', 'show only this scope: where it comes from, or why the token would not have it')
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ tessera explain acme/shop/web ada@acme.example\n  $ tessera explain acme/shop/web ada@acme.example --scope orders:delete',
    )
    .action((client: ClientName, subject: string, options: ExplainOptions) =>
      explainToken(client, subject, options, terminal),
    );
}
