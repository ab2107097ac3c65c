import { runSchemathesis } from '../../support/servers/schemathesis.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** A fuzzer reads the document and checks the server against it: no 5xx, and no undocumented status, media type or body. */
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera();
});
afterAll(() => tessera.close());

/** Which of their parameters go together is not in a schema: a secret and an assertion, for example, are an error (RFC 6749, section 2.3). */
const FORMS = '/(introspect|revoke|token)$';

async function fuzz(...options: readonly string[]): Promise<void> {
  const { exitCode, output } = await runSchemathesis(`${tessera.url}/docs-json`, [
    '--max-examples',
    '40',
    '--phases',
    'examples,coverage,fuzzing',
    // Answers only when there is news, so a fuzzer would wait for minutes. test/e2e/verification checks its form.
    '--exclude-path',
    '/revocations',
    ...options,
  ]);
  if (exitCode !== 0) throw new Error(output.slice(-8000));
}

it('answers as its OpenAPI document says, for any request', async () => {
  await fuzz('--exclude-path-regex', FORMS);
});

it('answers forms as it says, and may refuse one that its schema allows', async () => {
  await fuzz('--include-path-regex', FORMS, '--exclude-checks', 'positive_data_acceptance');
});
