import type { ModuleMetadata } from '@nestjs/common';
import { AdminAuthModule } from './admin-auth/admin-auth.module.ts';
import { TokenGrantsModule } from './token-grants/token-grants.module.ts';
import { DirectoryModule } from './directory/directory.module.ts';
import { OidcExchangeModule } from './token-grants/oidc-exchange.module.ts';
import { IssuingModule } from './issuing/issuing.module.ts';
import { RevocationModule } from './revocation/revocation.module.ts';
import { TenancyModule } from './tenancy/tenancy.module.ts';
import { UserAuthModule } from './user-auth/user-auth.module.ts';
import { VerificationModule } from './verification/verification.module.ts';
import { VaultModule } from './vault/vault.module.ts';

/** The table of contents: what stands behind the edge, from the stores up to the doors. */
export const APP_MODULES: NonNullable<ModuleMetadata['imports']> = [
  VaultModule,
  TenancyModule,
  DirectoryModule,
  IssuingModule,
  RevocationModule,
  TokenGrantsModule,
  OidcExchangeModule,
  VerificationModule,
  AdminAuthModule,
  UserAuthModule,
];
