import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ERROR_TABLE } from '../../../src/errors/error-table.ts';
import { labelOf, ROUTE_TABLE } from '../../../src/http/routes/route-table.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { firstCells, readPage, section } from '../../support/fixtures/markdown.ts';
import { type RunningPrometheus, startPrometheus } from '../../support/servers/prometheus.ts';
import { REPOSITORY, requireServer } from '../../support/servers/required-servers.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

const run = promisify(execFile);
const RULES = join(REPOSITORY, 'deploy/monitoring/alerts.yaml');

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}
/** As Prometheus's API describes it; a recording rule has no state. */
interface EvaluatedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state?: string;
}
interface Panel {
  readonly title: string;
  readonly description?: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const rules = (
  parse(readPage('deploy/monitoring/alerts.yaml')) as { groups: readonly { rules: readonly Rule[] }[] }
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readPage('deploy/monitoring/dashboard.json')) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** As Grafana fills in its variables when everything is selected. */
function filledIn(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', '30s')
    .replaceAll('"$job"', '".+"')
    .replaceAll('"$instance"', '".+"');
}

const panelQueries = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, expr: filledIn(expr) })),
);
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...panelQueries.map(({ expr }) => expr),
  ...dashboard.annotations.list.map(({ expr }) => filledIn(expr)),
];

const WORDS = /^(?:and|or|unless|offset|bool|by|without|on|ignoring|group_left|group_right)$/;

/** The names of the metrics that an expression reads: what is left without strings, matchers, ranges, lists of labels and functions. */
function metricsIn(expression: string): string[] {
  const bare = expression
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  return [...bare.matchAll(/(?<![\w.])([a-zA-Z_:][\w:]*)(?!\w*\s*\()/g)]
    .map(([, name = '']) => name)
    .filter((name) => !WORDS.test(name));
}

/** The values that an expression compares a label with, alternatives one by one. */
function valuesOf(label: string, expression: string): string[] {
  return [...expression.matchAll(new RegExp(`[{, ]${label}=~?"([^"]*)"`, 'g'))].flatMap(([, text = '']) =>
    text.includes('(') ? [text] : text.split('|'),
  );
}

let tessera: TestTesseraServer;
let prometheus: RunningPrometheus;

async function requestToken(secret: string): Promise<number> {
  const { status } = await tessera.post('/auth/user/generateToken', {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'web',
    email_id: 'ada@acme.example',
    secret_id: secret,
  });
  return status;
}

/** A little of everything that is counted, again and again: a rate needs two scrapes. */
async function traffic(): Promise<void> {
  expect(await requestToken(tessera.secret('acme/shop/web'))).toBe(200);
  expect(await requestToken('wrong')).toBe(401);
  expect((await tessera.get('/readyz')).status).toBe(200);
  expect((await tessera.get('/revocations?after=0')).status).toBe(200);
}

beforeAll(async () => {
  tessera = await startTessera();
  prometheus = await startPrometheus(`127.0.0.1:${tessera.config.port}`, RULES);
  await eventually('a rate of issued tokens', async () => {
    await traffic();
    const rate = await prometheus.query('sum(rate(tessera_http_requests_total{outcome="issued"}[30s])) > 0');
    return rate.length > 0;
    // Prometheus hands new targets to its scraper every five seconds.
  });
});
afterAll(async () => {
  await prometheus.close();
  await tessera.close();
});

describe('deploy/monitoring/alerts.yaml', () => {
  const promtool = (...args: string[]) => run(requireServer('promtool'), args, { cwd: REPOSITORY });

  it('is a valid rule file, and its unit tests pass', async () => {
    expect((await promtool('check', 'rules', RULES)).stdout).toMatch(
      new RegExp(`SUCCESS: ${rules.length} rules found`),
    );
    expect((await promtool('test', 'rules', 'deploy/monitoring/alerts.test.yaml')).stdout).toContain('SUCCESS');
  });

  it('has a unit test in which each alert fires', () => {
    const tested = [...readPage('deploy/monitoring/alerts.test.yaml').matchAll(/alertname="(\w+)"/g)].map(
      ([, name]) => name,
    );
    for (const { alert } of rules) if (alert !== undefined) expect(tested).toContain(alert);
  });

  it('is evaluated by Prometheus without an error, and is quiet about a healthy service', async () => {
    let evaluated: readonly EvaluatedRule[] = [];
    await eventually('an evaluation of every rule', async () => {
      const { groups } = (await prometheus.api('rules')) as {
        groups: readonly { rules: readonly EvaluatedRule[] }[];
      };
      evaluated = groups.flatMap((group) => group.rules);
      return evaluated.length > 0 && evaluated.every(({ health }) => health !== 'unknown');
    });
    expect(evaluated.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(evaluated.map(({ name }) => name).sort()).toEqual(rules.map(({ alert, record }) => alert ?? record).sort());
    // One in two token requests of this test is unauthorized.
    expect(
      evaluated.flatMap(({ name, state = 'inactive' }) =>
        state !== 'inactive' && name !== 'TesseraManyUnauthorized' ? [name] : [],
      ),
    ).toEqual([]);
  });

  it('has a line in the runbook for each alert, and no other', () => {
    const documented = firstCells(section(readPage('docs/operation.md'), '### Alerts'))
      .map((cell) => cell.replaceAll('`', ''))
      .filter((cell) => cell.startsWith('Tessera'));
    expect(documented.sort()).toEqual(rules.flatMap(({ alert }) => alert ?? []).sort());
  });
});

describe('deploy/monitoring/dashboard.json', () => {
  // There is no Redis here, and nobody who speaks something else than HTTP.
  const EMPTY_HERE = ['Redis', 'Refused connections'];
  it.each(panelQueries.filter(({ title }) => EMPTY_HERE.includes(title)))(
    'has a query for $title that Prometheus evaluates',
    async ({ expr }) => {
      expect(await prometheus.query(expr)).toEqual([]);
    },
  );
  it.each(panelQueries.filter(({ title }) => !EMPTY_HERE.includes(title)))(
    'shows data of a running service for $title: $expr',
    async ({ expr }) => {
      await eventually('data', async () => {
        await traffic();
        return (await prometheus.query(expr)).length > 0;
      });
    },
  );

  it('has panels that do not overlap, each with a title and a description', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos, description, type } of dashboard.panels) {
      expect(title).not.toBe('');
      if (type !== 'row') expect([title, description]).not.toEqual([title, undefined]);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x},${y}`)).toBeUndefined();
          taken.set(`${x},${y}`, title);
        }
    }
  });

  it('uses only variables that it defines', () => {
    const defined = dashboard.templating.list.map(({ name }) => name);
    const used = [...readPage('deploy/monitoring/dashboard.json').matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name);
    expect([...new Set(used)].sort()).toEqual([...defined].sort());
  });
});

describe('rules and panels', () => {
  it('name only metrics that /metrics shows, rules of their own, and up', async () => {
    const text = await (await fetch(`${tessera.url}/metrics`)).text();
    const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]));
    const shown = [...types].flatMap(([name, type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    );
    const known = new Set([...shown, ...rules.flatMap(({ record }) => record ?? []), 'up']);
    const named = [...new Set(expressions.flatMap(metricsIn))];
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    // The reverse: no metric is without a panel or a rule.
    expect([...types.keys()].filter((name) => !named.some((one) => one.startsWith(name)))).toEqual([]);
  });

  it('compare labels only with values that they have', () => {
    const outcomes = new Set<string>(['issued', 'revoked', 'ok', 'aborted', ...Object.keys(ERROR_TABLE)]);
    const routes = ROUTE_TABLE.map(labelOf);
    for (const expression of expressions) {
      for (const outcome of valuesOf('outcome', expression)) expect(outcomes).toContain(outcome);
      for (const route of valuesOf('route', expression))
        expect(routes.filter((label) => new RegExp(`^(?:${route})$`).test(label))).not.toEqual([]);
    }
  });

  it('name all routes that make tokens, or none', () => {
    const routes = ROUTE_TABLE.filter(({ kind }) => kind === 'token').map(labelOf);
    const named = expressions
      .flatMap((expression) => valuesOf('route', expression))
      .map((route) => routes.filter((label) => new RegExp(`^(?:${route})$`).test(label)))
      .filter((labels) => labels.length > 0);
    expect(named.length).toBeGreaterThan(3);
    for (const labels of named) expect(labels).toEqual(routes);
  });

  it('name the codes of the token endpoint for what is unauthorized elsewhere', () => {
    const named = expressions
      .map((expression) => valuesOf('outcome', expression))
      .filter((outcomes) => outcomes.includes('unauthorized'));
    expect(named.length).toBeGreaterThan(1);
    for (const outcomes of named)
      expect(outcomes).toEqual(expect.arrayContaining(['invalid_client', 'invalid_grant', 'unauthorized_client']));
  });
});
