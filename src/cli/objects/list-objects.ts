import { EMPTY_DIRECTORY } from '../../directory/provisioning/directory-state.ts';
import { specFromState } from '../../provisioning/plan/tenant-state.ts';
import { findTenant, withLive } from '../installation.ts';
import { type OutputFormat, printJson, printLines, table, type Terminal } from '../terminal.ts';
import type { Kind, Page } from './kinds.ts';
import { noSuchObject } from './no-such-object.ts';
import { headingOf, type ObjectDocument, tenantDocument, textOf } from './object-documents.ts';
import type { ObjectPath } from './object-path.ts';
import { openTenant } from './tenant-source.ts';

interface Output {
  readonly output: OutputFormat;
}

const TENANT_COLUMNS = ['id', 'name', 'status', 'database', 'tokens', 'projects'];

export async function listTenants({ output }: Output, terminal: Terminal): Promise<void> {
  const tenants = await withLive(terminal.loadConfig(), async ({ controlPlane }) =>
    (await controlPlane.readTenants()).map((state) => tenantDocument(specFromState(state, EMPTY_DIRECTORY))),
  );
  if (output === 'json') printJson(terminal.stdout, { tenants });
  else if (tenants.length === 0)
    printLines(terminal.stdout, ['There is no tenant yet: make one with `tessera apply -f FILE`.']);
  else printTable(TENANT_COLUMNS, tenants, terminal);
}

export async function showTenant(id: string, { output }: Output, terminal: Terminal): Promise<void> {
  const state = await withLive(terminal.loadConfig(), (stores) => findTenant(stores, id));
  printObject(tenantDocument(specFromState(state, EMPTY_DIRECTORY)), output, terminal);
}

export async function listObjects(
  kind: Kind,
  tenantId: string,
  { output, ...page }: Output & Page,
  terminal: Terminal,
): Promise<void> {
  const found = await withLive(terminal.loadConfig(), async (stores) =>
    kind.list(await openTenant(stores, tenantId), page),
  );
  const shown = kind.isPaged === true ? found.slice(0, page.limit) : found;
  const next = shown.length < found.length ? shown.at(-1)?.['id'] : undefined;
  if (output === 'json')
    printJson(terminal.stdout, { [kind.plural]: shown, ...(kind.isPaged === true ? { next: next ?? null } : {}) });
  else if (shown.length === 0)
    printLines(terminal.stdout, [
      `Tenant ${tenantId} has no ${page.after === undefined ? '' : 'more '}${kind.plural}.`,
    ]);
  else printTable(kind.columns, shown, terminal);
  if (typeof next === 'string' && output === 'text')
    printLines(terminal.stderr, [
      `There are more than these ${shown.length}: add --after '${next}' for the next ones.`,
    ]);
}

export async function showObject(
  kind: Kind,
  { tenantId, name }: ObjectPath,
  { output }: Output,
  terminal: Terminal,
): Promise<void> {
  const found = await withLive(terminal.loadConfig(), async (stores) => {
    const source = await openTenant(stores, tenantId);
    const document = await kind.show(source, name);
    if (document === undefined) throw await noSuchObject(kind, source, name);
    return document;
  });
  printObject(found, output, terminal);
}

function printTable(members: readonly string[], documents: readonly ObjectDocument[], { stdout }: Terminal): void {
  printLines(
    stdout,
    table([
      members.map((member) => headingOf(member).toUpperCase()),
      ...documents.map((document) => members.map((member) => textOf(member, document[member]))),
    ]),
  );
}

function printObject(document: ObjectDocument, output: OutputFormat, { stdout }: Terminal): void {
  if (output === 'json') {
    printJson(stdout, document);
    return;
  }
  const members = Object.entries(document).filter(([, value]) => value !== false);
  printLines(stdout, table(members.map(([member, value]) => [headingOf(member), textOf(member, value)])));
}
