import { isPlaintextToElsewhere, loadProcessConfig } from './config/load-config.ts';
import { createApp } from './create-app.ts';
import { OperatorError } from './errors/operator-error.ts';
import { listenFailure } from './http/listen-failure.ts';
import { shutDown } from './health/shutdown.ts';
import { describeError } from './logging/describe-error.ts';
import { Log } from './logging/log.ts';
import { standardOutput } from './logging/standard-output.ts';

async function main(): Promise<void> {
  const config = loadProcessConfig();
  const output = standardOutput();
  const log = new Log(config.logLevel, output);
  process.once('exit', () => {
    output.flushSync();
  });
  // Node's own report would print the message of the error, and what it was called with.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      log.error('crashed', { fault: describeError(error) });
      process.exit(1);
    });

  const app = await createApp({ config, logDestination: output });
  try {
    await app.listen(config.port, config.host);
  } catch (error) {
    throw listenFailure(error, config);
  }
  if (isPlaintextToElsewhere(config.publicUrl))
    log.warn('public_url_is_plain_http', {
      effect: 'whoever sits between can replace the keys that tokens are verified with',
    });
  log.info('listening', { address: await app.getUrl(), public_url: config.publicUrl });

  let ending = false;
  // SIGHUP: the terminal or the session that it was started from is gone.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => {
      // A second signal means: at once. Not so a hang-up: a terminal that goes sends more than one.
      if (ending && signal === 'SIGHUP') return;
      if (ending) process.exit(1);
      ending = true;
      log.info('shutting_down', { signal });
      void shutDown(app).then(() => {
        log.info('stopped');
        process.exit(0);
      });
    });
}

main().catch((error: unknown) => {
  process.stderr.write(`${startFailure(error)}\n`);
  process.exit(1);
});

/** An operator's mistake is told as it is; of anything else only the place, because its message may quote a setting. */
function startFailure(error: unknown): string {
  return error instanceof OperatorError ? error.message : `The server could not start: ${describeError(error)}`;
}
