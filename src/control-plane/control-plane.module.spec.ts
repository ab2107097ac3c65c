import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { AuditModule } from '../audit/audit.module.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import { ClientsModule } from '../clients/clients.module.ts';
import { SecretUses } from '../clients/secret-uses.ts';
import type { Config } from '../config/config.ts';
import { Secret } from '../config/secret.ts';
import { parseClientId, parseProjectId } from '../domain/ids.ts';
import { Readiness } from '../health/readiness.ts';
import { Metrics } from '../metrics/metrics.ts';
import { RuntimeModule } from '../runtime/runtime.module.ts';
import { refusalOf } from '../testing/refusal.ts';
import { collectingLog, ManualClock, storageConfig, temporaryFolder, tenantId } from '../testing/storage.ts';
import { createControlPlane, ControlPlane } from './control-plane.ts';
import { startStopwatch } from '../../libs/token/test/stopwatch.ts';

const CLIENT = [tenantId('acme'), parseProjectId('shop')!, parseClientId('web')!] as const;
const RECORD = { at: 1, requestId: 'last', route: 'r', source: '::1', outcome: 'issued', tokenId: 't' } as const;

@Module({})
class Application {}

let folder: ReturnType<typeof temporaryFolder>;
let lines: string[];
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => {
  folder.remove();
});

function start(changes: Partial<Config> = {}): Promise<INestApplicationContext> {
  const { log, lines: written } = collectingLog();
  lines = written;
  const config: Config = {
    ...storageConfig(folder.path),
    vault: { kind: 'embedded' },
    audit: { retentionDays: 1 },
    federationAllowedHosts: [],
    ...changes,
  };
  const runtime = RuntimeModule.with({ config, clock: new ManualClock(), log, metrics: new Metrics() });
  const application: DynamicModule = { module: Application, imports: [runtime, AuditModule, ClientsModule] };
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class and accepts literals.
  return NestFactory.createApplicationContext(application, { logger: false, abortOnError: false });
}

describe('the control plane in an application', () => {
  it('accepts writes until all pending writes are done; then TypeOrmModule closes it', async () => {
    const application = await start();
    const dataSource = application.get(DataSource);
    expect(dataSource.isInitialized).toBe(true);
    application.get(SecretUses, { strict: false }).record(...CLIENT, 'sec-1', 1000);
    const appended = application.get(AuditTrail, { strict: false }).append(RECORD);
    await application.close();
    await appended;
    expect(dataSource.isInitialized).toBe(false);
    const later = createControlPlane(storageConfig(folder.path), collectingLog().log);
    expect(await later.query('SELECT request_id FROM audit_records')).toEqual([{ request_id: 'last' }]);
    expect(await later.query('SELECT secret_id, last_used_at_ms FROM secret_uses')).toEqual([
      { secret_id: 'sec-1', last_used_at_ms: 1000 },
    ]);
    await later.close();
  });

  it('is not reopened after it was closed', async () => {
    const application = await start();
    const controlPlane = application.get(ControlPlane, { strict: false });
    await application.close();
    const { code, reason } = await refusalOf(controlPlane.transaction(() => Promise.resolve()));
    expect([code, reason]).toEqual(['temporarily_unavailable', expect.stringMatching(/^control database: /)]);
  });

  it('starts without its database, logs that, and shuts down at once', async () => {
    const application = await start({
      controlDatabase: {
        driver: 'mysql',
        host: '127.0.0.1',
        // Nobody listens there, as nobody may without special rights.
        port: 1,
        username: 'tessera',
        password: new Secret('none'),
        database: 'tessera',
        poolSize: 2,
      },
    });
    const controlPlane = application.get(ControlPlane, { strict: false });
    expect((await refusalOf(controlPlane.query('SELECT 1'))).reason).toBe('control database: connection refused');
    expect(await application.get(Readiness, { strict: false }).down()).toContain('control database');
    expect(lines.join('')).toContain('control_database_unavailable');
    const stopwatch = startStopwatch();
    await application.close();
    expect(stopwatch.stop()).toBeLessThan(2_000);
  });
});
