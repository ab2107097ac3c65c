import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** Each step may be taken by its client with a token for its audience. */
const STEPS = [
  { client: 'shop/api', receives: 'shop-api', to: ['stock-api', 'https://stock.example/v1'] },
  { client: 'shop/narrow', receives: 'shop-api', to: ['stock-api'] },
  { client: 'shop/gateway', receives: 'shop-api', to: ['gate-api'] },
  { client: 'shop/gateway', receives: 'stock-api', to: ['gate-api'] },
  { client: 'shop/stock', receives: 'stock-api', to: ['ledger-api'] },
  { client: 'shop/ledger', receives: 'ledger-api', to: ['vault-api'] },
  { client: 'shop/vault', receives: 'vault-api', to: ['end-api'] },
] as const;
const CHAINS = 60;

interface Claims {
  readonly sub: string;
  readonly aud: string;
  readonly exp: number;
  readonly jti: string;
  readonly scope: string;
  readonly surface: string;
  readonly act?: Actor;
  readonly root?: string;
}
interface Actor {
  readonly sub: string;
  readonly act?: Actor;
}

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
});
afterAll(() => tessera.close());

it('never gain scopes or life, and never lose an actor, whatever way they go', async () => {
  const random = generator(20_261_127);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const lengths = new Set<number>();
  for (let chain = 0; chain < CHAINS; chain++) {
    let token =
      random() < 0.5
        ? await acme.userToken(pick(['ada@acme.example', 'carol@acme.example']))
        : tokenOf(await acme.clientCredentials('shop/web'));
    const first = claims(token);
    const actors = ['client:shop/web'];
    for (let length = 0; ; length++) {
      const before = claims(token);
      const steps = STEPS.filter(({ receives }) => receives === before.aud);
      if (steps.length === 0) break;
      const step = pick(steps);
      const held = before.scope === '' ? [] : before.scope.split(' ');
      const asked = held.filter(() => random() < 0.6);
      const asks = asked.length > 0 && random() < 0.5 ? { scope: asked.join(' ') } : {};
      if (random() < 0.3) tessera.clock.advanceSeconds(Math.floor(random() * 60));
      const answer = await acme.exchange(step.client, token, { audience: pick(step.to), ...asks });
      lengths.add(length);
      if (answer.status !== 200) {
        // The ways in which a chain may end: too long, or a scope beyond the bound of a client.
        expect(['400 invalid_grant', '400 invalid_scope']).toContain(oauthRefusal(answer));
        expect(actors.length > 3 || step.client === 'shop/narrow').toBe(true);
        break;
      }
      token = tokenOf(answer);
      const after = claims(token);
      actors.unshift(`client:${step.client}`);
      expect(after.exp).toBeLessThanOrEqual(before.exp);
      expect(held).toEqual(expect.arrayContaining(after.scope.split(' ').filter((name) => name !== '')));
      if ('scope' in asks) expect(new Set(after.scope.split(' '))).toEqual(new Set(asked));
      expect(actorsOf(after.act)).toEqual(actors);
      expect([after.root, after.sub, after.surface]).toEqual([first.jti, first.sub, first.surface]);
    }
  }
  // Chains of one token, and such as long as they may be.
  expect([...lengths].sort()).toEqual(expect.arrayContaining([0, 1, 2, 3]));
});

function actorsOf(actor: Actor | undefined): string[] {
  return actor === undefined ? [] : [actor.sub, ...actorsOf(actor.act)];
}

function claims(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Claims;
}

/** A generator that gives the same numbers in each run (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
