import { AdministratorEntity, AdministratorIdentityEntity } from './entities/administrator.entity.ts';
import { AuditRecordEntity } from './entities/audit-record.entity.ts';
import { ChangeSequenceEntity } from './entities/change-sequence.entity.ts';
import { ClientEntity } from './entities/client.entity.ts';
import { ProjectEntity } from './entities/project.entity.ts';
import { RevocationEntity, RevocationQuotaEntity, RevocationSequenceEntity } from './entities/revocation.entity.ts';
import { SecretUseEntity } from './entities/secret-use.entity.ts';
import { SpentTokenEntity } from './entities/spent-token.entity.ts';
import { TenantEntity } from './entities/tenant.entity.ts';
import { TrustEntity } from './entities/trust.entity.ts';
import { ControlPlane1764000000000 } from './migrations/1764000000000-control-plane.ts';
import { SpentTokens1764000000002 } from './migrations/1764000000002-spent-tokens.ts';
import { Revocations1764000000003 } from './migrations/1764000000003-revocations.ts';
import { RevocationQuotas1764000000004 } from './migrations/1764000000004-revocation-quotas.ts';
import { TenantDirectory1764000000010 } from './migrations/1764000000010-tenant-directory.ts';
import { AuditReading1764000000011 } from './migrations/1764000000011-audit-reading.ts';
import { LinkedSubjects1764000000012 } from './migrations/1764000000012-linked-subjects.ts';
import { TokenEndpoint1764000000013 } from './migrations/1764000000013-token-endpoint.ts';
import type { Schema } from '../database/schema.ts';

export const CONTROL_PLANE_SCHEMA: Schema = Object.freeze({
  entities: [
    TenantEntity,
    ProjectEntity,
    ClientEntity,
    TrustEntity,
    AdministratorEntity,
    AdministratorIdentityEntity,
    AuditRecordEntity,
    SecretUseEntity,
    SpentTokenEntity,
    RevocationEntity,
    RevocationSequenceEntity,
    RevocationQuotaEntity,
    ChangeSequenceEntity,
  ],
  migrations: [
    ControlPlane1764000000000,
    SpentTokens1764000000002,
    Revocations1764000000003,
    RevocationQuotas1764000000004,
    TenantDirectory1764000000010,
    AuditReading1764000000011,
    LinkedSubjects1764000000012,
    TokenEndpoint1764000000013,
  ],
});
