import type { TesseraClaims } from '@tessera/token';
import type { AuthenticatedClientFacts } from '../token-grants/authorize.ts';
import { type Subject, SubjectDirectory } from '../directory/subject.ts';
import { Egress } from '../identity-providers/egress/egress.ts';
import { OutboundNetwork } from '../identity-providers/egress/outbound-network.ts';
import { PresentedToken } from '../domain/presented-token.ts';
import { OidcExchangeGrant } from '../token-grants/grants/oidc-exchange/oidc-exchange.grant.ts';
import { RemoteKeySets } from '../identity-providers/keys/remote-key-sets.ts';
import type { Client, Tenant, Trust } from '../tenancy/tenant.ts';
import { type CanonicalEmail, parseEmail } from '../domain/email.ts';
import type { Surface } from '../domain/surface.ts';
import { claimsFor, openIssuingFixture, PUBLIC_URL } from './issuing-fixture.ts';
import { collectingLog, tenantDraft, tenantId } from './storage.ts';
import { trustDraft } from './trust-draft.ts';

/** The subjects of one surface, in memory. */
export class ListedSubjects extends SubjectDirectory {
  readonly #subjects = new Map<CanonicalEmail, Subject>();

  add(id: string, email: string, status: Subject['status'] = 'active'): void {
    this.#subjects.set(parseEmail(email)!.canonical, { id, email, status, roles: [], groups: [], scopes: [] });
  }

  override findByEmail(_tenant: Tenant, email: CanonicalEmail): Promise<Subject | undefined> {
    return Promise.resolve(this.#subjects.get(email));
  }

  override findById(): Promise<Subject | undefined> {
    return this.findByIdentity();
  }

  override findByIdentity(): Promise<Subject | undefined> {
    return Promise.reject(new Error('the bearer is found by its e-mail address; `authorize` finds the other subject'));
  }
}

export interface Attempt {
  readonly oidcToken: string;
  /** Default: a valid one. */
  readonly bearer?: string;
  readonly surface?: Surface;
  readonly tenant?: string;
}

export type ExchangeFixture = Awaited<ReturnType<typeof openExchangeFixture>>;

/** Authentication by oidcToken over real issuing, with the tenants acme and globex, and the subject Ada. Call `reset` and `trust` before the first attempt. */
export async function openExchangeFixture() {
  const tessera = await openIssuingFixture();
  await tessera.addTenant('globex');
  await tessera.addTenant('acme');
  let keySets: RemoteKeySets | undefined;
  const exchange = {
    clock: tessera.clock,
    users: new ListedSubjects(),
    admins: new ListedSubjects(),
    /** What the pipeline would show of the client in a record. */
    client: undefined as Pick<Client, 'projectId' | 'id'> | undefined,
    open: async (id: string): Promise<Tenant> => tessera.tenants.open(tenantId(id)),

    /** Starts with cold keys and fresh directories. */
    reset: (allowedHosts: readonly string[]): void => {
      const egress = new Egress(
        { federationAllowedHosts: allowedHosts, federationPrivateHosts: [], federationProxy: undefined },
        new OutboundNetwork(),
      );
      keySets?.onApplicationShutdown();
      keySets = new RemoteKeySets(egress, tessera.clock, collectingLog().log, { caches: { tenants: 100 } });
      exchange.users = new ListedSubjects();
      exchange.admins = new ListedSubjects();
      for (const directory of [exchange.users, exchange.admins]) directory.add('u-ada', 'ada@acme.example');
      exchange.client = undefined;
    },

    /** Gives the tenant acme one trusted issuer. */
    trust: async (changes: Pick<Trust, 'issuer'> & Partial<Trust>, tenant: Partial<Tenant> = {}): Promise<void> => {
      await tessera.writer.saveTenant(tenantDraft('acme', { trusts: [trustDraft(changes)], ...tenant }));
      tessera.tenants.invalidate();
    },

    /** An own token with the given claims. */
    bearer: async (changes: Partial<TesseraClaims> = {}, id = 'acme'): Promise<string> => {
      const tenant = await exchange.open(id);
      const claims = claimsFor(tenant, tessera.clock.seconds, { sub: 'u-ada', ...changes });
      return (await tessera.issuer.issue(tenant, { claims })).token;
    },

    authenticate: async (attempt: Attempt): Promise<AuthenticatedClientFacts> => {
      if (keySets === undefined) throw new Error('reset the tessera first');
      const tenant = await exchange.open(attempt.tenant ?? 'acme');
      const grant = new OidcExchangeGrant(
        { publicUrl: PUBLIC_URL },
        tessera.ownTokens,
        { user: exchange.users, admin: exchange.admins, service: new ListedSubjects() },
        keySets,
        tessera.clock,
      );
      const request = {
        surface: attempt.surface ?? 'user',
        tenantId: tenant.id,
        source: '192.0.2.1',
        claimedClient: 'shop/web',
        bearer: new PresentedToken(attempt.bearer ?? (await exchange.bearer())),
        oidcToken: new PresentedToken(attempt.oidcToken),
      };
      const { facts } = await grant.authenticate(tenant, request, {
        clientFound: (client) => (exchange.client = client),
        identified: () => undefined,
        authenticated: () => undefined,
        asksFor: () => undefined,
        refusedFor: () => undefined,
        exchanges: () => undefined,
        passed: () => undefined,
      });
      return facts;
    },
    close: tessera.close,
  };
  return exchange;
}
