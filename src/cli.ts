#!/usr/bin/env node
import { runCli } from './cli/program.ts';
import { loadProcessConfig } from './config/load-config.ts';
import { SystemClock } from './domain/clock.ts';

process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // A reader that closes the pipe (`| head`) is not a failure. A full disk is: the lost output may be a secret that is shown only once.
  if (code === 'EPIPE') return;
  process.stderr.write(
    'The output could not be written. The command itself took effect. If it made a secret, that secret is lost: run `tessera secrets add` for another. Free disk space or print elsewhere.\n',
  );
  // The command may still succeed after this point and set exit code 0.
  process.once('exit', () => (process.exitCode = 1));
});

process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  clock: new SystemClock(),
  loadConfig: loadProcessConfig,
});
