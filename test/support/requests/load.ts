import { setTimeout as delay } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import type { MintRequest, Replica, TenantName } from '../tessera/test-cluster.ts';

/** The outcome of one request of a load. */
export interface LoadOutcome {
  readonly tenant: TenantName;
  readonly surface: MintRequest['surface'];
  /** 0: no response. */
  readonly status: number;
  readonly ms: number;
  readonly retryAfter: string | null;
  readonly tokenId: string | undefined;
  readonly keyId: string | undefined;
  /** When it was sent, by `performance.now()`. */
  readonly at: number;
}

export interface Load {
  readonly outcomes: readonly LoadOutcome[];
  /** How many tokens were issued so far. A load on a stopped server has outcomes too. */
  tokens(): number;
  stop(): Promise<readonly LoadOutcome[]>;
}

/**
 * Some clients that send requests continuously, each for one tenant and one surface, with the right secret.
 *
 * @param pauseMs between two requests of a client. Without a pause the load takes a whole core from the test
 */
export function startLoad(replica: Replica, tenants: readonly TenantName[], clientsEach = 2, pauseMs = 0): Load {
  const outcomes: LoadOutcome[] = [];
  let isOver = false;
  const work = tenants.flatMap((tenant) =>
    Array.from({ length: clientsEach }, async (_, index) => {
      const surface = index % 2 === 0 ? 'user' : 'admin';
      while (!isOver) {
        const at = performance.now();
        outcomes.push({ tenant, surface, at, ...(await outcomeOf(replica, tenant, surface)) });
        // Refusals are fast. Without a pause they would take the core from the requests that they are compared with.
        const rest = outcomes.at(-1)?.status === 200 ? pauseMs : Math.max(20, pauseMs);
        if (rest > 0) await delay(rest);
      }
    }),
  );
  return {
    outcomes,
    tokens: () => outcomes.filter(({ status }) => status === 200).length,
    stop: async () => {
      isOver = true;
      await Promise.all(work);
      return outcomes;
    },
  };
}

async function outcomeOf(
  replica: Replica,
  tenant: TenantName,
  surface: MintRequest['surface'],
): Promise<Omit<LoadOutcome, 'tenant' | 'surface' | 'at'>> {
  const startedAt = performance.now();
  try {
    const { status, ms, headers, body } = await replica.mint(tenant, { surface });
    const token = status === 200 ? (body['access_token'] as string) : undefined;
    const header = token?.split('.')[0];
    return {
      status,
      ms,
      retryAfter: headers.get('retry-after'),
      tokenId: token === undefined ? undefined : decodeJwt(token).jti,
      keyId: header === undefined ? undefined : (JSON.parse(Buffer.from(header, 'base64url').toString()).kid as string),
    };
  } catch {
    return {
      status: 0,
      ms: performance.now() - startedAt,
      retryAfter: null,
      tokenId: undefined,
      keyId: undefined,
    };
  }
}
