import type { ClientName } from '../../clients/client-secret.store.ts';
import { SUBJECT_ID_LENGTH } from '../../control-plane/entities/tenant.entity.ts';
import { parseEmail } from '../../domain/email.ts';
import type { PersonSurface } from '../../domain/surface.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { explain, type ExplainParts, NOWHERE } from '../../token-grants/explain.ts';
import { ExplainedSecretGrant } from '../../token-grants/grants/client-secret/explained-secret.grant.ts';
import { withReadOnly } from '../installation.ts';
import type { OutputFormat, Terminal } from '../terminal.ts';
import { explainParts } from './explain-parts.ts';
import { ExplainedDirectories } from './explained-directories.ts';
import { showExplanation } from './print-explanation.ts';

export interface ExplainOptions {
  readonly surface: PersonSurface;
  readonly scope?: string;
  readonly output: OutputFormat;
}

/**
 * Says whether a server would issue a token to the client for this subject, and where each scope comes from.
 *
 * @param subject an e-mail address as in a request, or the id of a subject
 * @throws OperatorError if there would be no token
 */
export async function explainToken(
  client: ClientName,
  subject: string,
  { surface, scope, output }: ExplainOptions,
  terminal: Terminal,
): Promise<void> {
  await withReadOnly(terminal.loadConfig(), async (stores) => {
    const directories = new ExplainedDirectories(stores);
    const parts = explainParts(stores, directories);
    // Without the control database there is no answer, neither yes nor no.
    await stores.database.query('SELECT 1');
    const email = await emailOf(parts, directories, client, surface, subject);
    const grant = new ExplainedSecretGrant(stores.clock, email instanceof TesseraError ? email : undefined);
    const body = {
      tenant_id: client.tenantId,
      project_id: client.projectId,
      client_id: client.clientId,
      email_id: email,
    };
    const explanation = await explain(parts, grant, { surface, body, request: NOWHERE });
    showExplanation(terminal.stdout, explanation, directories, { scope, output, notesOn: () => [] });
  });
}

/**
 * The address that the client would ask for. Requests name their subject by address, so an id is looked up first.
 *
 * @returns the refusal if there is no such subject, or if that cannot be read
 */
async function emailOf(
  { tenants }: ExplainParts,
  directories: ExplainedDirectories,
  client: ClientName,
  surface: PersonSurface,
  subject: string,
): Promise<string | TesseraError> {
  if (parseEmail(subject) !== undefined) return subject;
  try {
    const email = isId(subject)
      ? await directories.emailOf(await tenants.open(client.tenantId), surface, subject)
      : undefined;
    return email ?? new TesseraError('unauthorized', `${SUBJECT[surface]} has this id, and it is no e-mail address`);
  } catch (error) {
    if (error instanceof TesseraError) return error;
    throw error;
  }
}

const SUBJECT: Readonly<Record<PersonSurface, string>> = { user: 'no user', admin: 'no administrator' };

function isId(text: string): boolean {
  return text.length <= SUBJECT_ID_LENGTH && /^[\x21-\x7e]+$/.test(text);
}
