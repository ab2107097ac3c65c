import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ControlPlaneModule } from '../control-plane/control-plane.module.ts';
import { SecretUseEntity } from '../control-plane/entities/secret-use.entity.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { VaultModule } from '../vault/vault.module.ts';
import { ClientAuthentication } from './client-authentication.ts';
import { ClientSecrets } from './client-secrets.ts';
import { SecretUses } from './secret-uses.ts';

/** The secrets that clients authenticate with, and when each was last used. */
@Module({
  imports: [ControlPlaneModule, TypeOrmModule.forFeature([SecretUseEntity]), TenancyModule, VaultModule],
  providers: [ClientAuthentication, ClientSecrets, SecretUses],
  exports: [ClientAuthentication],
})
export class ClientsModule {
  constructor(tenants: TenantRepository, secrets: ClientSecrets) {
    tenants.subscribe((tenantId) => {
      secrets.forget(tenantId);
    });
  }
}
