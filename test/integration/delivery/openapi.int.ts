import { runSchemathesis } from '../../support/servers/schemathesis.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** A fuzzer reads the document and checks the server against it: no 5xx, and no undocumented status, media type or body. */
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera();
});
afterAll(() => tessera.close());

it('answers as its OpenAPI document says, for any request', async () => {
  const { exitCode, output } = await runSchemathesis(`${tessera.url}/docs-json`, [
    '--max-examples',
    '40',
    '--phases',
    'examples,coverage,fuzzing',
    // Answers only when there is news, so a fuzzer would wait for minutes. test/e2e/verification checks its form.
    '--exclude-path',
    '/revocations',
  ]);
  if (exitCode !== 0) throw new Error(output.slice(-8000));
}, 240_000);
