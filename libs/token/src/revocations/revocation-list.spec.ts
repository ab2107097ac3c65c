import type { RevocationKind } from './revocation.ts';
import { type RevocableToken, RevocationList } from './revocation-list.ts';

const NOW = 1_800_000_000;
const ISSUER = 'https://tessera.example/tenants/acme';
/** Obtained by two exchanges, so its actor chain is two deep. */
const EXCHANGED: RevocableToken = {
  issuer: ISSUER,
  tokenId: 'j-1',
  subject: 'ada',
  clientId: 'web',
  keyId: 'k-1',
  issuedAt: NOW,
  actor: { sub: 'bob', client_id: 'inner', act: { sub: 'eve', client_id: 'outer' } },
};

function hits(kind: RevocationKind, id: string, token: RevocableToken, before = NOW, issuer = ISSUER): boolean {
  const list = new RevocationList();
  list.add({ issuer, kind, id, before, until: NOW + 10 });
  return list.hits(token, NOW);
}

describe('a revocation of a chain', () => {
  const root: RevocableToken = {
    issuer: ISSUER,
    tokenId: 'j-0',
    subject: 'ada',
    clientId: 'web',
    keyId: 'k-1',
    issuedAt: NOW,
  };
  const descendant = { ...root, tokenId: 'j-1', root: 'j-0' };

  it('revokes the tokens that were exchanged from its root, and no other', () => {
    expect(hits('chain', 'j-0', descendant)).toBe(true);
    expect(hits('chain', 'j-0', { ...descendant, tokenId: 'j-2' })).toBe(true);
    expect(hits('chain', 'j-0x', descendant)).toBe(false);
    expect(hits('chain', 'j-0', { ...descendant, issuedAt: NOW + 1 })).toBe(false);
    expect(hits('chain', 'j-0', descendant, NOW, `${ISSUER}-2`)).toBe(false);
  });

  it('does not revoke the root itself, which has an entry of its own', () => {
    expect(hits('chain', 'j-0', root)).toBe(false);
    expect(hits('token', 'j-0', root)).toBe(true);
  });

  it('is not one of a token', () => {
    expect(hits('chain', 'j-1', descendant)).toBe(false);
    expect(hits('token', 'j-0', descendant)).toBe(false);
  });
});

describe('a revocation of an actor', () => {
  it.each([
    ['subject', 'bob'],
    ['subject', 'eve'],
    ['client', 'inner'],
    ['client', 'outer'],
  ] as const)('%s %s revokes the exchanged token, at any depth of the actor chain', (kind, id) => {
    expect(hits(kind, id, EXCHANGED)).toBe(true);
    expect(hits(kind, `${id}x`, EXCHANGED)).toBe(false);
    expect(hits(kind, id, { ...EXCHANGED, issuedAt: NOW + 1 })).toBe(false);
    expect(hits(kind, id, EXCHANGED, NOW, `${ISSUER}-2`)).toBe(false);
  });

  it('of another kind does not hit the actor', () => {
    expect(hits('subject', 'inner', EXCHANGED)).toBe(false);
    expect(hits('client', 'bob', EXCHANGED)).toBe(false);
    expect(hits('token', 'bob', EXCHANGED)).toBe(false);
  });

  it('hits an actor without a client by its subject only', () => {
    const token = { ...EXCHANGED, actor: { sub: 'bob' } };
    expect(hits('subject', 'bob', token)).toBe(true);
    expect(hits('client', 'inner', token)).toBe(false);
  });
});
