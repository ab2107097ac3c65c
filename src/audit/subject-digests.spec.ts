import type { CanonicalEmail } from '../domain/email.ts';
import type { TenantId } from '../domain/ids.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { Log } from '../logging/log.ts';
import { ManualClock } from '../testing/storage.ts';
import type { VaultEntry } from '../vault/vault.service.ts';
import type { DigestKeyVault } from './digest-key.ts';
import { SubjectDigests } from './subject-digests.ts';

const ACME = 'acme' as TenantId;
const HANK = 'hank@acme.example' as CanonicalEmail;

class FlakyVault implements DigestKeyVault {
  isDown = true;
  reads = 0;
  #data: Readonly<Record<string, unknown>> | undefined;

  read(): Promise<VaultEntry | undefined> {
    this.reads += 1;
    if (this.isDown) return Promise.reject(unavailable('vault', 'it cannot be reached'));
    return Promise.resolve(this.#data === undefined ? undefined : { data: this.#data, version: 1 });
  }

  write(_path: unknown, data: Readonly<Record<string, unknown>>): Promise<number> {
    this.#data = data;
    return Promise.resolve(1);
  }
}

describe('the digest of an unknown address', () => {
  const clock = new ManualClock();
  const vault = new FlakyVault();
  const lines: string[] = [];
  const digests = new SubjectDigests(vault, clock, new Log('info', { write: (line) => void lines.push(line) }), {
    caches: { tenants: 100 },
  });

  it('is missing while the secret store refuses, which is asked and logged once a minute', async () => {
    for (let request = 0; request < 50; request += 1) expect(await digests.of(ACME, HANK)).toBeUndefined();
    expect(vault.reads).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"event":"subject_digest_missing"');
    expect(lines[0]).not.toContain('hank');
  });

  it('is there again within a minute, and stays the same', async () => {
    vault.isDown = false;
    clock.advance(60_000);
    const digest = await digests.of(ACME, HANK);
    expect(digest).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await digests.of(ACME, HANK)).toBe(digest);
    expect(await digests.of(ACME, 'anne@acme.example' as CanonicalEmail)).not.toBe(digest);
  });
});
