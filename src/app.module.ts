import type { ModuleMetadata } from '@nestjs/common';
import { AdminAuthModule } from './admin-auth/admin-auth.module.ts';
import { AuditModule } from './audit/audit.module.ts';
import { ClientsModule } from './clients/clients.module.ts';
import { ControlPlaneModule } from './control-plane/control-plane.module.ts';
import { KeysModule } from './keys/keys.module.ts';
import { RateLimitModule } from './rate-limit/rate-limit.module.ts';
import { ReplayModule } from './replay/replay.module.ts';
import { TokenEndpointModule } from './token-endpoint/token-endpoint.module.ts';
import { TokenGrantsModule } from './token-grants/token-grants.module.ts';
import { DirectoryModule } from './directory/directory.module.ts';
import { IdentityProvidersModule } from './identity-providers/identity-providers.module.ts';
import { IssuingModule } from './issuing/issuing.module.ts';
import { RevocationModule } from './revocation/revocation.module.ts';
import { TenancyModule } from './tenancy/tenancy.module.ts';
import { UserAuthModule } from './user-auth/user-auth.module.ts';
import { VerificationModule } from './verification/verification.module.ts';
import { VaultModule } from './vault/vault.module.ts';

/** The modules of the service, from the stores up to the endpoints. The HTTP edge comes before all of them. */
export const APP_MODULES: NonNullable<ModuleMetadata['imports']> = [
  VaultModule,
  ControlPlaneModule,
  TenancyModule,
  DirectoryModule,
  ReplayModule,
  AuditModule,
  IdentityProvidersModule,
  ClientsModule,
  KeysModule,
  RevocationModule,
  IssuingModule,
  RateLimitModule,
  TokenGrantsModule,
  VerificationModule,
  AdminAuthModule,
  UserAuthModule,
  TokenEndpointModule,
];
