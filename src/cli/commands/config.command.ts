import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { outputOption } from '../options.ts';
import { type OutputFormat, printJson, printLines, table, type Terminal } from '../terminal.ts';

export function addConfig(program: Command, terminal: Terminal): void {
  const config = program.command('config').summary('the configuration').description('The configuration.');
  config
    .command('check')
    .summary('check the environment and .env')
    .description(
      `Checks the environment and .env as the server does at its start. Reports all errors at once, each with the setting's name but never its value. Opens no connection.`,
    )
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ tessera config check && systemctl restart tessera')
    .action((options: { output: OutputFormat }) => {
      runCheck(options.output, terminal);
    });
}

function runCheck(output: OutputFormat, terminal: Terminal): void {
  const facts = describe(terminal.loadConfig());
  if (output === 'json') printJson(terminal.stdout, Object.fromEntries(facts));
  else
    printLines(terminal.stdout, [
      'The configuration is valid.',
      ...table(facts.map(([name, value]) => [`  ${name}`, value])),
    ]);
}

/** A summary for the operator. Holds no secret. */
function describe(config: Config): [name: string, value: string][] {
  const { controlDatabase, vault } = config;
  return [
    ['listens_on', `${config.host}:${config.port}`],
    ['public_url', config.publicUrl],
    [
      'control_database',
      controlDatabase.driver === 'sqlite'
        ? 'embedded SQLite'
        : `MySQL at ${controlDatabase.host}:${controlDatabase.port}/${controlDatabase.database}`,
    ],
    [
      'vault',
      vault.kind === 'embedded' ? 'embedded' : `${vault.address}, mount ${vault.mount}, login by ${vault.auth.method}`,
    ],
    ['redis', config.redisUrl === undefined ? 'none' : 'configured'],
    ['data_directory', config.dataDirectory],
  ];
}
