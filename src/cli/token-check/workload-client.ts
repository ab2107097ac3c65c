import { refuseInactive } from '../../clients/client-authentication.ts';
import { verifyWorkload, WORKLOAD_STEPS } from '../../clients/workload-assertion.ts';
import type { PresentedToken } from '../../domain/presented-token.ts';
import { serviceId } from '../../domain/service-id.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { parseSubjectToken } from '../../identity-providers/subject-token.ts';
import type { IssuerTokenDeps } from '../../identity-providers/verify-issuer-token.ts';
import { allClients } from '../../tenancy/all-clients.ts';
import type { Client, Tenant, Trust, Workload } from '../../tenancy/tenant.ts';
import type { Explanation } from '../../token-grants/explain.ts';

/** A client that authenticates by tokens of a trusted issuer. */
export interface WorkloadClient {
  readonly client: Client;
  readonly workload: Workload;
  readonly trust: Trust;
}

export const WORKLOAD_CHECK_STEPS = ['client', 'form', ...WORKLOAD_STEPS] as const;

/**
 * The client whose assertion the token would be: it names one of the issuers under `workload`, and that issuer does not list it as a client that
 * exchanges its tokens. An issuer that lists any client is taken for one of people, unless the operator names a workload.
 *
 * @param named the client of the options
 * @returns undefined if the token is to be exchanged
 * @throws OperatorError if several workloads could be meant
 */
export function findWorkloadClient(
  tenant: Tenant,
  trusts: readonly Trust[],
  named: { readonly projectId: string; readonly clientId: string } | undefined,
): WorkloadClient | undefined {
  const all = allClients(tenant);
  const workloads = all.flatMap((client) => {
    const trust = trusts.find(({ id }) => id === client.workload?.issuer);
    const { workload } = client;
    return workload === undefined || trust === undefined || trust.clients.includes(client.id)
      ? []
      : [{ client, workload, trust }];
  });
  if (named !== undefined)
    return workloads.find(({ client }) => client.projectId === named.projectId && client.id === named.clientId);
  if (trusts.some(({ clients }) => all.some(({ id }) => clients.includes(id)))) return undefined;
  if (workloads.length > 1)
    throw new OperatorError(
      `Name the client whose workload has the token: --client ${workloads.map(({ client }) => nameOf(client)).join(' or --client ')}.`,
    );
  return workloads[0];
}

/** What a server checks of the token as the client's assertion, step by step. It redeems nothing: an assertion of a workload may be shown again. */
export async function explainWorkload(
  deps: IssuerTokenDeps,
  tenant: Tenant,
  client: Client,
  token: PresentedToken,
): Promise<Explanation> {
  const passed = new Set<string>();
  const refusal = await verify(deps, tenant, client, token, (step) => passed.add(step)).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof TesseraError) return error;
      throw error;
    },
  );
  const refusedAt = WORKLOAD_CHECK_STEPS.find((step) => !passed.has(step));
  return {
    steps: WORKLOAD_CHECK_STEPS.map((step) => {
      if (passed.has(step)) return { step, outcome: 'ok' };
      return step === refusedAt && refusal !== undefined
        ? { step, outcome: 'refused', reason: refusal.reason }
        : { step, outcome: 'not reached' };
    }),
    claims: undefined,
    refusal,
    authenticated: undefined,
  };
}

async function verify(
  deps: IssuerTokenDeps,
  tenant: Tenant,
  client: Client,
  token: PresentedToken,
  passed: (step: string) => void,
): Promise<void> {
  refuseInactive(tenant, client);
  passed('client');
  const parsed = parseSubjectToken(token);
  passed('form');
  await verifyWorkload(deps, tenant, client, parsed, passed);
}

/** The trusted issuer as it binds a workload: what it says of people does not. */
export function trustOfWorkload({ trust, client }: WorkloadClient): Trust {
  const id = serviceId({ projectId: client.projectId, clientId: client.id });
  return { ...trust, subject: { match: 'user', id } };
}

/** What follows for the operator. */
export function workloadText(tenant: Tenant, { client, trust }: WorkloadClient, isAuthenticated: boolean): string {
  const name = nameOf(client);
  return isAuthenticated
    ? `The token authenticates client ${name} as a workload of issuer ${trust.id}. What the client gets: tessera explain ${tenant.id}/${name} --grant client_credentials`
    : `The token was tried as the assertion of client ${name}, a workload of issuer ${trust.id}.`;
}

function nameOf({ projectId, id }: Client): string {
  return `${projectId}/${id}`;
}
