import { Module } from '@nestjs/common';
import { ControlPlaneModule } from '../control-plane/control-plane.module.ts';
import { VaultModule } from '../vault/vault.module.ts';
import { HealthModule } from '../health/health.module.ts';
import { Readiness } from '../health/readiness.ts';
import { AuditStore } from './audit-record.ts';
import { AuditIndexing } from './audit-indexing.ts';
import { AuditRetention } from './audit-retention.ts';
import { AuditTrail } from './audit-trail.ts';
import { Auditor } from './auditor.ts';
import { SubjectDigests } from './subject-digests.ts';
import { ControlPlaneAuditStore } from './control-plane-audit.store.ts';

/** Records requests for tokens and their outcomes. */
@Module({
  imports: [ControlPlaneModule, HealthModule, VaultModule],
  providers: [
    ControlPlaneAuditStore,
    { provide: AuditStore, useExisting: ControlPlaneAuditStore },
    AuditTrail,
    SubjectDigests,
    Auditor,
    AuditRetention,
    AuditIndexing,
  ],
  exports: [Auditor],
})
export class AuditModule {
  constructor(store: ControlPlaneAuditStore, readiness: Readiness) {
    readiness.require({ name: 'audit', check: () => store.check() });
  }
}
