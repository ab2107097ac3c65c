import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { launchChromium, type RunningBrowser } from '../support/chromium.ts';
import { REPOSITORY } from '../support/required-servers.ts';
import { startTessera, type TestTesseraServer } from '../support/tessera.ts';

/** A user opens /docs in a real browser, fills in the form and reads the token. */
let tessera: TestTesseraServer;
let browser: RunningBrowser;
const errors: string[] = [];
beforeAll(async () => {
  tessera = await startTessera();
  browser = await launchChromium();
  browser.page.on('pageerror', (error) => errors.push(String(error)));
  browser.page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
}, 60_000);
afterAll(async () => {
  await browser.close();
  await tessera.close();
});

async function execute(operation: string, body: unknown): Promise<{ status: string; text: string }> {
  const { page } = browser;
  await page.goto(`${tessera.url}/docs`, { waitUntil: 'networkidle' });
  const block = page.locator('.opblock', { hasText: operation }).first();
  await block.locator('.opblock-summary-control').first().click();
  const form = block.locator('textarea.body-param__text');
  await form.fill(JSON.stringify(body));
  await block.locator('button.execute').click();
  const response = block.locator('.live-responses-table .response').first();
  await response.waitFor();
  return {
    status: (await response.locator('.response-col_status').innerText()).trim(),
    text: await response.locator('.response-col_description pre').first().innerText(),
  };
}

const BODY = { tenant_id: 'acme', project_id: 'shop', client_id: 'web', email_id: 'ada@acme.example' };

it('“Try it out” returns a token for the values of the quickstart', async () => {
  const shown = await execute('/auth/user/generateToken', { ...BODY, secret_id: tessera.secret('acme/shop/web') });
  mkdirSync(join(REPOSITORY, 'test-results'), { recursive: true });
  await browser.page.screenshot({ path: join(REPOSITORY, 'test-results', 'swagger-ui.png'), fullPage: true });
  expect(shown.status).toMatch(/^200/);
  const { access_token: token } = JSON.parse(shown.text) as { access_token: string };
  expect(decodeJwt(token)).toMatchObject({ sub: 'u-ada', tenant_id: 'acme' });
}, 60_000);

it('shows the refusal of a wrong secret as it is', async () => {
  const shown = await execute('/auth/user/generateToken', { ...BODY, secret_id: 'wrong' });
  expect(shown.status).toMatch(/^401/);
  expect(JSON.parse(shown.text)).toMatchObject({ status: 401, error: 'unauthorized', title: 'Unauthorized' });
}, 60_000);

it('loads without an error and without a request to another host', async () => {
  const hosts = new Set<string>();
  browser.page.on('request', (request) => hosts.add(new URL(request.url()).host));
  errors.length = 0;
  await browser.page.goto(`${tessera.url}/docs`, { waitUntil: 'networkidle' });
  expect([...hosts]).toEqual([new URL(tessera.url).host]);
  expect(errors).toEqual([]);
}, 60_000);
