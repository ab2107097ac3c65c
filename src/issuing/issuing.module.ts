import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { BearerAuthenticator } from '../http/routes/bearer-authenticator.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { VaultService } from '../vault/vault.service.ts';
import { Clock } from '../domain/clock.ts';
import { BatchSigner } from './batch-signer.ts';
import { JwtIssuer } from './jwt-issuer.ts';
import { KeyRingStore } from '../keys/key-ring.store.ts';
import { KeyRings } from '../keys/key-rings.ts';
import { SecondOpinion } from '../keys/second-opinion.ts';
import { OwnBearerAuthenticator } from '../verification/own-bearer.authenticator.ts';
import { OwnTokenVerifier } from '../verification/own-tokens.ts';
import { PublishedDocumentsController } from '../keys/documents/published-documents.controller.ts';
import { PublishedDocuments } from '../keys/documents/published-documents.ts';
import { RevokedTokens } from '../revocation/revoked-tokens.ts';

/** Tokens and the keys behind them. */
@Module({
  imports: [JwtModule.register({})],
  controllers: [PublishedDocumentsController],
  providers: [
    SecondOpinion,
    {
      provide: KeyRingStore,
      inject: [VaultService, SecondOpinion],
      useFactory: (vault: VaultService, opinion: SecondOpinion) => new KeyRingStore(vault, opinion),
    },
    {
      provide: KeyRings,
      inject: [CONFIG, KeyRingStore, TenantRepository, Clock, Log, Metrics],
      useFactory: (
        { caches }: Config,
        store: KeyRingStore,
        tenants: TenantRepository,
        clock: Clock,
        log: Log,
        metrics: Metrics,
      ) => {
        const limits = { maxAgeSeconds: caches.vaultSeconds, maxRings: caches.tenants };
        const keyRings = new KeyRings(store, tenants, clock, log, limits);
        metrics.gauge(
          'tessera_signing_key_age_seconds',
          'Time since the key that signs was published, for tenants in use.',
          ['tenant_id'],
          () =>
            keyRings.signingKeyAges().map(({ id, ageSeconds }) => ({ labels: { tenant_id: id }, value: ageSeconds })),
        );
        return keyRings;
      },
    },
    {
      provide: JwtIssuer,
      inject: [CONFIG, KeyRings, SecondOpinion],
      useFactory: ({ limits }: Config, keyRings: KeyRings, opinion: SecondOpinion) =>
        new JwtIssuer(keyRings, new BatchSigner(), opinion, limits.tokenBytes),
    },
    {
      provide: PublishedDocuments,
      inject: [CONFIG, KeyRings, Clock],
      useFactory: (config: Config, keyRings: KeyRings, clock: Clock) => new PublishedDocuments(keyRings, clock, config),
    },
    {
      provide: OwnTokenVerifier,
      inject: [CONFIG, KeyRings, RevokedTokens, Clock],
      useFactory: ({ publicUrl }: Config, keyRings: KeyRings, revoked: RevokedTokens, clock: Clock) =>
        new OwnTokenVerifier(keyRings, revoked, clock, publicUrl),
    },
    {
      provide: BearerAuthenticator,
      inject: [OwnTokenVerifier],
      useFactory: (tokens: OwnTokenVerifier) => new OwnBearerAuthenticator(tokens),
    },
  ],
  exports: [KeyRings, JwtIssuer, OwnTokenVerifier, BearerAuthenticator],
})
export class IssuingModule {}
