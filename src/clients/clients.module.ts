import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ControlPlaneModule } from '../control-plane/control-plane.module.ts';
import { SecretUseEntity } from '../control-plane/entities/secret-use.entity.ts';
import { IdentityProvidersModule } from '../identity-providers/identity-providers.module.ts';
import { ReplayModule } from '../replay/replay.module.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { VaultModule } from '../vault/vault.module.ts';
import { CallerAuthentication } from './caller-authentication.ts';
import { ClientAssertions } from './client-assertions.ts';
import { ClientAuthentication } from './client-authentication.ts';
import { ClientSecrets } from './client-secrets.ts';
import { SecretUses } from './secret-uses.ts';

/** The secrets and assertions that clients authenticate with, and when each secret was last used. */
@Module({
  imports: [
    ControlPlaneModule,
    IdentityProvidersModule,
    ReplayModule,
    TypeOrmModule.forFeature([SecretUseEntity]),
    TenancyModule,
    VaultModule,
  ],
  providers: [CallerAuthentication, ClientAssertions, ClientAuthentication, ClientSecrets, SecretUses],
  exports: [CallerAuthentication, ClientAuthentication],
})
export class ClientsModule {
  constructor(tenants: TenantRepository, secrets: ClientSecrets) {
    tenants.subscribe((tenantId) => {
      secrets.forget(tenantId);
    });
  }
}
