import { runSchemathesis } from '../support/schemathesis.ts';
import { startTessera, type TestTesseraServer } from '../support/tessera.ts';

/** A fuzzer reads the document and holds the server to it: no 5xx, no status, media type or body that is not documented. */
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera();
});
afterAll(() => tessera.close());

it('answers what its OpenAPI document says, whatever it is asked', async () => {
  const { exitCode, output } = await runSchemathesis(`${tessera.url}/docs-json`, [
    '--max-examples',
    '40',
    '--phases',
    'examples,coverage,fuzzing',
    // Answers when there is news: a fuzzer would wait for minutes. Its form is held to by test/e2e/verification.
    '--exclude-path',
    '/revocations',
  ]);
  if (exitCode !== 0) throw new Error(output.slice(-8000));
}, 240_000);
