import type { ClaimedClient } from '../../clients/claimed-client.ts';
import { type EndpointGrant, GRANT_TYPES } from '../../domain/grant-types.ts';
import type { TenantId } from '../../domain/ids.ts';
import { ERROR_TABLE } from '../../errors/error-table.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import type { TesseraError } from '../../errors/tessera-error.ts';
import { explain, NOWHERE } from '../../token-grants/explain.ts';
import { AssumedCallers } from '../../token-grants/token-form/assumed-callers.ts';
import { withReadOnly } from '../installation.ts';
import { readToken } from '../read-token.ts';
import type { OutputFormat, Terminal } from '../terminal.ts';
import { explainParts } from './explain-parts.ts';
import { ExplainedDirectories } from './explained-directories.ts';
import { explainedGrant, GRANT_FORMS } from './explained-grant.ts';
import { showExplanation } from './print-explanation.ts';

/** A client of the token endpoint: its project may be left out, as in a request. */
export interface NamedClient extends ClaimedClient {
  readonly tenantId: TenantId;
}

export interface ExplainGrantOptions {
  readonly grant: EndpointGrant;
  /** What the request asks for. */
  readonly audience?: string;
  readonly askScope?: string;
  /** The scope to show. */
  readonly scope?: string;
  readonly output: OutputFormat;
}

/**
 * Says whether a server would issue a token to the client at the token endpoint, by the grant's own checks. The token of the request is read from
 * standard input.
 *
 * @throws OperatorError if there would be no token
 */
export async function explainGrant(
  client: NamedClient,
  { grant: name, audience, askScope, scope, output }: ExplainGrantOptions,
  terminal: Terminal,
): Promise<void> {
  const { tokenParameter, parameters } = GRANT_FORMS[name];
  const token = tokenParameter === undefined ? undefined : await readToken(terminal.stdin);
  if (token === '') throw new OperatorError('Standard input is empty: give the token there.');
  const clientId = client.projectId === undefined ? client.clientId : `${client.projectId}/${client.clientId}`;
  const body = new Map([
    ['grant_type', GRANT_TYPES[name]],
    ['client_id', clientId],
    ['client_secret', 'assumed'],
    ...(tokenParameter === undefined || token === undefined ? [] : [[tokenParameter, token] as const]),
    ...parameters,
    ...(audience === undefined ? [] : [['audience', audience] as const]),
    ...(askScope === undefined ? [] : [['scope', askScope] as const]),
  ]);
  await withReadOnly(terminal.loadConfig(), async (stores) => {
    const directories = new ExplainedDirectories(stores);
    const parts = explainParts(stores, directories);
    // Without the control database there is no answer, neither yes nor no.
    await stores.database.query('SELECT 1');
    const callers = new AssumedCallers(stores.clock);
    const grant = explainedGrant(name, parts, callers, stores.config);
    const input = { tenant: client.tenantId, body, authorization: undefined, request: NOWHERE };
    const explanation = await explain(parts, grant, input);
    const notesOn = (refusal: TesseraError) => [answerText(refusal), ...namesakesText(client.tenantId, callers)];
    showExplanation(terminal.stdout, explanation, directories, { scope, output, notesOn });
  });
}

/** RFC 6749, section 5.2: the public error says less than the reason. An unknown tenant is an unknown address. */
function answerText({ code }: TesseraError): string {
  const { status } = ERROR_TABLE[code];
  return `The answer would be ${status}${code === 'route_not_found' ? '' : ` ${code}`}.`;
}

function namesakesText(tenantId: TenantId, { namesakes }: AssumedCallers): readonly string[] {
  if (namesakes.length < 2) return [];
  const names = namesakes.map(({ projectId, id }) => `${projectId}/${id}`);
  return [
    `Use ${names.map((name) => `${tenantId}/${name}`).join(' or ')} here, and ${names.join(' or ')} as client_id.`,
  ];
}
