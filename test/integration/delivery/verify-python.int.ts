import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ATTACK_TABLE, type AttackMaterial } from '../../../libs/token/test/attack-table.ts';
import { attackMaterial, issuedToken } from '../../support/requests/attack-material.ts';
import { REPOSITORY, requireServer } from '../../support/servers/required-servers.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** examples/verify-python, run as its README says: an independent verifier that uses only the key set. */
let tessera: TestTesseraServer;
let material: AttackMaterial;
beforeAll(async () => {
  tessera = await startTessera();
  material = await attackMaterial(tessera);
});
afterAll(() => tessera.close());

function verify(
  token: string,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(requireServer('pyjwt'), [join(REPOSITORY, 'examples/verify-python/verify.py')], {
      env: { PATH: process.env['PATH'], ISSUER: `${tessera.url}/tenants/acme`, AUDIENCE: 'shop-api' },
    });
    const written = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => (written[name] += text));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, ...written });
    });
    child.stdin.end(token);
  });
}

it('accepts a user token, and prints what it says', async () => {
  const { code, stdout } = await verify(await issuedToken(tessera, 'user'));
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ sub: 'u-ada', tenant_id: 'acme', scope: 'orders:read orders:write' });
});

it('refuses an admin token', async () => {
  expect((await verify(await issuedToken(tessera, 'admin'))).stderr).toBe('refused: InvalidTokenError\n');
});

// The exact error, because an error of the connection would not be a refusal of the token.
it.each([
  ['alg none without a signature', 'InvalidAlgorithmError'],
  ['HS256 keyed with the public key as PEM', 'InvalidAlgorithmError'],
  ['a signature of zeros (CVE-2022-21449)', 'InvalidSignatureError'],
  ['a key that was never published', 'PyJWKClientError'],
  ['exp 61 s ago', 'ExpiredSignatureError'],
  ['exp missing', 'MissingRequiredClaimError'],
])('refuses: %s', async (name, error) => {
  const row = ATTACK_TABLE.find((candidate) => candidate.name === name)!;
  expect(await verify(row.make(material))).toEqual({ code: 1, stdout: '', stderr: `refused: ${error}\n` });
});
