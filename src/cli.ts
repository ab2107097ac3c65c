#!/usr/bin/env node
import { runCli } from './cli/program.ts';
import { loadProcessConfig } from './config/load-config.ts';
import { SystemClock } from './domain/clock.ts';

process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`| head`) is no failure. A full disk is: what was lost may be a secret that is shown once.
  if (code === 'EPIPE') return;
  process.stderr.write(
    'The output could not be written. What the command did is done; a secret that it made is lost, `tessera secrets add` makes another. Free some space, or print elsewhere.\n',
  );
  // The command itself may end well after this.
  process.once('exit', () => (process.exitCode = 1));
});

process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: new SystemClock(),
  loadConfig: loadProcessConfig,
});
