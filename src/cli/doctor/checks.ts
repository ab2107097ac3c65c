import { auditRetentionCheck } from './installation/audit-retention.check.ts';
import { clientKeySetsCheck } from './installation/client-key-sets.check.ts';
import { clocksCheck } from './installation/clocks.check.ts';
import { connectionBudgetCheck } from './installation/connection-budget.check.ts';
import { controlDatabaseCheck } from './installation/control-database.check.ts';
import { controlLinksCheck } from './installation/control-links.check.ts';
import { controlSchemaCheck } from './installation/control-schema.check.ts';
import { orphanEntriesCheck } from './installation/orphan-entries.check.ts';
import { trustedIssuersCheck } from './installation/trusted-issuers.check.ts';
import { vaultCheck } from './installation/vault.check.ts';
import { directoryDatabaseCheck } from './directory/directory-database.check.ts';
import { directoryLinksCheck } from './directory/directory-links.check.ts';
import { directoryOwnerCheck } from './directory/directory-owner.check.ts';
import { directorySchemaCheck } from './directory/directory-schema.check.ts';
import { emptyRolesCheck } from './directory/empty-roles.check.ts';
import { externalEmailsCheck } from './directory/external-emails.check.ts';
import { serviceRolesCheck } from './directory/service-roles.check.ts';
import { sharedIdsCheck } from './directory/shared-ids.check.ts';
import { subjectIdsCheck } from './directory/subject-ids.check.ts';
import { uncarriedScopesCheck } from './directory/uncarried-scopes.check.ts';
import { ungrantedScopesCheck } from './directory/ungranted-scopes.check.ts';
import { userEmailsCheck } from './directory/user-emails.check.ts';
import { userIdentitiesCheck } from './directory/user-identities.check.ts';
import { userTokensCheck } from './directory/user-tokens.check.ts';
import { administratorEmailsCheck } from './tenant/administrator-emails.check.ts';
import { administratorScopesCheck } from './tenant/administrator-scopes.check.ts';
import { administratorTokensCheck } from './tenant/administrator-tokens.check.ts';
import { assertionSecretsCheck } from './tenant/assertion-secrets.check.ts';
import { clientKeysCheck } from './tenant/client-keys.check.ts';
import { clientNamesCheck } from './tenant/client-names.check.ts';
import { clientSecretsCheck } from './tenant/client-secrets.check.ts';
import { endingSecretsCheck } from './tenant/ending-secrets.check.ts';
import { exchangeTargetsCheck } from './tenant/exchange-targets.check.ts';
import { keyRingCheck } from './tenant/key-ring.check.ts';
import { sharedAudiencesCheck } from './tenant/shared-audiences.check.ts';
import { tenantLinksCheck } from './tenant/tenant-links.check.ts';
import { unusedSecretsCheck } from './tenant/unused-secrets.check.ts';

/** Everything that `tessera doctor` examines, in the order in which it does. docs/operation.md describes each. */
export const CHECKS = {
  /** Without these, the others cannot be asked. */
  foundation: { vault: vaultCheck, database: controlDatabaseCheck, schema: controlSchemaCheck },
  /** Once for the installation. */
  installation: [
    controlLinksCheck,
    orphanEntriesCheck,
    connectionBudgetCheck,
    clocksCheck,
    auditRetentionCheck,
    trustedIssuersCheck,
    clientKeySetsCheck,
  ],
  /** For each tenant. */
  tenant: [
    keyRingCheck,
    clientSecretsCheck,
    endingSecretsCheck,
    unusedSecretsCheck,
    assertionSecretsCheck,
    clientKeysCheck,
    clientNamesCheck,
    exchangeTargetsCheck,
    sharedAudiencesCheck,
    administratorEmailsCheck,
    administratorScopesCheck,
    administratorTokensCheck,
    tenantLinksCheck,
  ],
  /** For each tenant's own database: whether the others can be asked. */
  directory: { database: directoryDatabaseCheck, schema: directorySchemaCheck, owner: directoryOwnerCheck },
  /** For each tenant's own database, if its tables are those of Tessera. */
  managed: [
    userEmailsCheck,
    sharedIdsCheck,
    subjectIdsCheck,
    directoryLinksCheck,
    userIdentitiesCheck,
    emptyRolesCheck,
    uncarriedScopesCheck,
    ungrantedScopesCheck,
    serviceRolesCheck,
    userTokensCheck,
  ],
  /** For each external directory. Opening it has checked its views, its owner and its version. */
  external: [
    sharedIdsCheck,
    subjectIdsCheck,
    externalEmailsCheck,
    uncarriedScopesCheck,
    ungrantedScopesCheck,
    serviceRolesCheck,
  ],
} as const;
