import { unavailable } from '../errors/tessera-error.ts';
import { inspect } from 'node:util';
import { Secret } from '../config/secret.ts';
import {
  formatClientSecretEntry,
  hasLiveSecret,
  liveSecrets,
  newClientSecret,
  parseClientSecretEntry,
} from './client-secret-entry.ts';

const NOW = 1_800_000_000;
const RECORD = { id: 'a1', sha256: 'ab'.repeat(32), created_at: NOW };

/** The entry as a store returns it. */
function stored(document: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(document)) as Readonly<Record<string, unknown>>;
}

describe('client secret entry', () => {
  it('reads an operator-provided secret', () => {
    const entry = parseClientSecretEntry({ secret_id: 'by-hand', note: 'ours' });
    expect(entry.handPlaced?.equals(new Secret('by-hand'))).toBe(true);
    expect(hasLiveSecret(entry, NOW)).toBe(true);
  });

  it.each([[{}], [{ secret_id: '' }], [{ secret_id: ' \n' }], [{ secrets: [] }]])('finds no secret in %j', (data) => {
    expect(hasLiveSecret(parseClientSecretEntry(data), NOW)).toBe(false);
  });

  it('treats a generated secret as live before its expiry, and not from that second on', () => {
    const entry = parseClientSecretEntry({
      secrets: [
        { ...RECORD, expires_at: NOW },
        { ...RECORD, id: 'a2' },
      ],
    });
    expect(liveSecrets(entry, NOW - 1).map(({ id }) => id)).toEqual(['a1', 'a2']);
    expect(liveSecrets(entry, NOW).map(({ id }) => id)).toEqual(['a2']);
  });

  it.each([
    ['secret_id is not a text', { secret_id: null }],
    ['secrets is not a list', { secrets: {} }],
    ['a record is not an object', { secrets: ['x'] }],
    ['an id is missing', { secrets: [{ ...RECORD, id: undefined }] }],
    ['an id is invalid', { secrets: [{ ...RECORD, id: '../x' }] }],
    ['two records share an id', { secrets: [RECORD, RECORD] }],
    ['a hash is short', { secrets: [{ ...RECORD, sha256: 'ab' }] }],
    ['a time is a fraction', { secrets: [{ ...RECORD, created_at: 1.5 }] }],
    ['an expiry is text', { secrets: [{ ...RECORD, expires_at: '2030-01-01' }] }],
    ['a label is a number', { secrets: [{ ...RECORD, label: 1 }] }],
    ['there are too many', { secrets: Array.from({ length: 65 }, (_, n) => ({ ...RECORD, id: `a${n}` })) }],
  ])('refuses an entry as an outage when %s', (_, data) => {
    expect(() => parseClientSecretEntry(data)).toThrow(unavailable('vault', 'the entry is malformed'));
  });

  it('keeps unknown members when it is written back', () => {
    const document = {
      secret_id: 'by-hand',
      owner: 'team-a',
      secrets: [{ ...RECORD, ticket: 7, label: 'old', expires_at: NOW }],
    };
    const entry = parseClientSecretEntry(document);
    expect(formatClientSecretEntry(entry, document)).toEqual(document);
  });

  it('drops removed secrets', () => {
    const document = { secret_id: 'by-hand', owner: 'team-a', secrets: [RECORD, { ...RECORD, id: 'a2', label: 'x' }] };
    const { generated } = parseClientSecretEntry(document);
    const rest = { handPlaced: undefined, generated: [{ ...generated[1]!, label: undefined }] };
    expect(stored(formatClientSecretEntry(rest, document))).toEqual({
      owner: 'team-a',
      secrets: [{ ...RECORD, id: 'a2' }],
    });
  });

  it('makes a secret of 256 bits that its record verifies but does not contain', () => {
    const { secret, record } = newClientSecret(NOW, { label: 'ci', expiresAt: NOW + 60 });
    expect(Secret.reveal(secret)).toMatch(/^tsk_[A-Za-z0-9_-]{43}$/);
    const document = formatClientSecretEntry({ handPlaced: undefined, generated: [record] }, {});
    const [read] = parseClientSecretEntry(stored(document)).generated;
    expect(read).toEqual(record);
    expect(read!.sha256.equals(secret.sha256())).toBe(true);
    expect(inspect(document, { depth: 9 })).not.toContain(Secret.reveal(secret));
  });
});
