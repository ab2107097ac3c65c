import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { Metrics } from '../metrics/metrics.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { VaultModule } from '../vault/vault.module.ts';
import { PublishedDocumentsController } from './documents/published-documents.controller.ts';
import { PublishedDocuments } from './documents/published-documents.ts';
import { KeyRingStore } from './key-ring.store.ts';
import { KeyRings } from './key-rings.ts';
import { SecondOpinion } from './second-opinion.ts';

/** The tenants' signing keys, and the documents that publish their public halves. */
@Module({
  imports: [JwtModule.register({}), TenancyModule, VaultModule],
  controllers: [PublishedDocumentsController],
  providers: [SecondOpinion, KeyRingStore, KeyRings, PublishedDocuments],
  exports: [KeyRings, SecondOpinion],
})
export class KeysModule {
  constructor(keyRings: KeyRings, metrics: Metrics) {
    metrics.gauge(
      'tessera_signing_key_age_seconds',
      'Time since the active signing key was published, for tenants in use.',
      ['tenant_id'],
      () => keyRings.signingKeyAges().map(({ id, ageSeconds }) => ({ labels: { tenant_id: id }, value: ageSeconds })),
    );
  }
}
