import type { AddressInfo } from 'node:net';
import { isPlaintextToElsewhere, loadProcessConfig } from './config/load-config.ts';
import { createApp } from './create-app.ts';
import { OperatorError } from './errors/operator-error.ts';
import { listen } from './http/listen.ts';
import { listenFailure } from './http/listen-failure.ts';
import { shutDown } from './health/shutdown.ts';
import { describeError } from './logging/describe-error.ts';
import { Log } from './logging/log.ts';
import { standardOutput } from './logging/standard-output.ts';
import { VERSION } from './config/version.ts';

const LOOPBACK = '127.0.0.1';

async function main(): Promise<void> {
  const config = loadProcessConfig();
  const output = standardOutput();
  const log = new Log(config.logLevel, output);
  process.once('exit', () => {
    output.flushSync();
  });
  // The first line, before a dependency can fail: a log that ends early still says which version it is from.
  log.info('starting', { version: VERSION, nodejs_version: process.versions.node });
  // Node's own report would print the error's message and the values around it, which may be secrets.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      log.error('crashed', { fault: describeError(error) });
      process.exit(1);
    });

  const app = await createApp({ config, logDestination: output });
  try {
    await listen(app, config);
  } catch (error) {
    throw listenFailure(error, config);
  }
  if (isPlaintextToElsewhere(config.publicUrl))
    log.warn('public_url_is_plain_http', {
      effect: 'an attacker on the network can replace the keys that tokens are verified with',
    });
  const { port } = app.getHttpServer().address() as AddressInfo;
  // A second URL beside PUBLIC_URL would invite people to use it, and tokens of another issuer than the one that verifiers know are refused.
  log.info('listening', { ...(config.host !== LOOPBACK && { host: config.host }), port, public_url: config.publicUrl });

  let ending = false;
  // SIGHUP: the terminal or session that started the process is gone.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => {
      // A second SIGTERM or SIGINT stops the process at once. A second SIGHUP does not: a closing terminal sends more than one.
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

/** The message of an OperatorError is safe to print. Of any other error only the location is printed: its message may quote a setting. */
function startFailure(error: unknown): string {
  return error instanceof OperatorError ? error.message : `The server could not start: ${describeError(error)}`;
}
