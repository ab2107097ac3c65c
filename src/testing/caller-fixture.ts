import { type AuthenticatedCaller, CallerAuthentication } from '../clients/caller-authentication.ts';
import { ClientAssertions } from '../clients/client-assertions.ts';
import { ClientAuthentication } from '../clients/client-authentication.ts';
import { readClientCredentials } from '../clients/client-credentials.ts';
import { ClientSecretStore } from '../clients/client-secret.store.ts';
import { ClientSecrets } from '../clients/client-secrets.ts';
import { Secret } from '../config/secret.ts';
import { parseClientId, parseProjectId } from '../domain/ids.ts';
import { Egress } from '../identity-providers/egress/egress.ts';
import { OutboundNetwork } from '../identity-providers/egress/outbound-network.ts';
import { RemoteKeySets } from '../identity-providers/keys/remote-key-sets.ts';
import { Metrics } from '../metrics/metrics.ts';
import { RedeemedTokens } from '../replay/redeemed-tokens.ts';
import { NO_TOKEN_ENDPOINT_MEMBERS } from '../tenancy/client-rows.ts';
import type { Client, TenantFacts } from '../tenancy/tenant.ts';
import { openIssuingFixture, PUBLIC_URL } from './issuing-fixture.ts';
import { collectingLog, embeddedControlPlane, tenantDraft, tenantId } from './storage.ts';

/** What the limit of a request is notified of, in order. */
export type CallerEvent = `counts as ${string}` | `found ${string}` | 'authenticated';

const CACHES = { caches: { vaultSeconds: 30, tenants: 100 } };

/** A request to one of the endpoints. */
export interface CallerRequest {
  readonly form?: Readonly<Record<string, string>>;
  readonly authorization?: string;
  readonly tenant?: string;
}

export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export function assertionForm(assertion: string, clientId?: string): Record<string, string> {
  return {
    client_assertion: assertion,
    client_assertion_type: JWT_BEARER,
    ...(clientId !== undefined && { client_id: clientId }),
  };
}

/** A client of the project `shop`, unless it says otherwise. */
export function clientDraft(id: string, changes: Partial<Client> = {}, project = 'shop'): Client {
  return {
    id: parseClientId(id)!,
    projectId: parseProjectId(project)!,
    status: 'active',
    policy: { kind: 'assertion' },
    surfaces: ['user'],
    audience: `${id}-api`,
    scopes: 'unbounded',
    subjects: 'any',
    ttlSeconds: undefined,
    ...NO_TOKEN_ENDPOINT_MEMBERS,
    ...changes,
  };
}

export type CallerFixture = Awaited<ReturnType<typeof openCallerFixture>>;

/** Client authentication over a real control plane, vault and replay protection. Call `reset` and `save` before the first request. */
export async function openCallerFixture() {
  const tessera = await openIssuingFixture();
  const { clock, vault } = tessera;
  const { log } = collectingLog();
  const controlPlane = await embeddedControlPlane(tessera.folder);
  const store = new ClientSecretStore(vault, clock);
  let keySets: RemoteKeySets | undefined;
  let callers: CallerAuthentication | undefined;
  const fixture = {
    clock,
    vault,
    issuing: tessera,
    /** What the limit was notified of in the latest request. */
    events: [] as CallerEvent[],

    keySets: (): RemoteKeySets => {
      if (keySets === undefined) throw new Error('reset the fixture first');
      return keySets;
    },

    /** Starts with cold keys and secrets. */
    reset: (allowedHosts: readonly string[] = []): void => {
      const network = { federationAllowedHosts: allowedHosts, federationPrivateHosts: [], federationProxy: undefined };
      keySets?.onApplicationShutdown();
      keySets = new RemoteKeySets(new Egress(network, new OutboundNetwork()), clock, log, CACHES);
      const secrets = new ClientSecrets(vault, clock, log, new Metrics(), CACHES);
      callers = new CallerAuthentication(
        new ClientAuthentication(secrets, { record: () => undefined }, clock),
        new ClientAssertions({ publicUrl: PUBLIC_URL }, keySets, new RedeemedTokens(controlPlane, clock, log), clock),
      );
    },

    /** Saves a tenant with these clients. */
    save: async (clients: readonly Client[], changes: Partial<TenantFacts> = {}, id = 'acme'): Promise<void> => {
      const names = [...new Set(clients.map(({ projectId }) => projectId))];
      const projects = names.map((name) => {
        const own = clients.filter(({ projectId }) => projectId === name);
        return {
          id: name,
          name,
          status: 'active',
          clients: new Map(own.map((client) => [client.id, client])),
        } as const;
      });
      const all = new Map(projects.map((project) => [project.id, project]));
      await tessera.writer.saveTenant(tenantDraft(id, { projects: all, ...changes }));
      tessera.tenants.invalidate();
    },

    /** A live secret of the client. */
    secretOf: async (client: string, project = 'shop', tenant = 'acme'): Promise<string> => {
      const name = {
        tenantId: tenantId(tenant),
        projectId: parseProjectId(project)!,
        clientId: parseClientId(client)!,
      };
      const { secret } = await store.add(name, { expiresInSeconds: undefined, label: undefined });
      return Secret.reveal(secret);
    },

    /** Reads and authenticates as an endpoint does. */
    authenticate: async ({
      form = {},
      authorization,
      tenant = 'acme',
    }: CallerRequest): Promise<AuthenticatedCaller> => {
      if (callers === undefined) throw new Error('reset the fixture first');
      fixture.events = [];
      const presented = readClientCredentials(
        authorization === undefined ? undefined : [authorization],
        new Map(Object.entries(form)),
      );
      return callers.authenticate(await tessera.tenants.open(tenantId(tenant)), presented, {
        identified: ({ key, isGuessable }) => {
          fixture.events.push(`counts as ${key}${isGuessable ? ', a guess' : ''}`);
        },
        clientFound: ({ projectId, id }) => {
          fixture.events.push(`found ${projectId}/${id}`);
        },
        authenticated: () => {
          fixture.events.push('authenticated');
        },
      });
    },

    close: async (): Promise<void> => {
      keySets?.onApplicationShutdown();
      await controlPlane.close();
      await tessera.close();
    },
  };
  return fixture;
}
