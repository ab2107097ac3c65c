import type { SubjectDirectories } from '../../directory/subject.ts';
import { JwtIssuer } from '../../issuing/jwt-issuer.ts';
import { KeyRings } from '../../keys/key-rings.ts';
import { IssueGate } from '../../revocation/issue-gate.ts';
import { RevocationPoller } from '../../revocation/revocation-poller.ts';
import { RevocationRecords } from '../../revocation/revocation-records.ts';
import { TenantRepository } from '../../tenancy/tenant.repository.ts';
import type { ExplainParts } from '../../token-grants/explain.ts';
import { OwnTokenVerifier } from '../../verification/own-tokens.ts';
import { type Installation, SILENT } from '../installation.ts';

/** What a server issues tokens with, over the stores of a command: the same classes, but for a signer that signs nothing. */
export function explainParts(
  { config, clock, database, keyRings }: Installation,
  directories: SubjectDirectories,
): ExplainParts & { readonly ownTokens: OwnTokenVerifier } {
  const tenants = new TenantRepository(database, clock, config);
  const revocations = new RevocationPoller(new RevocationRecords(database), clock, SILENT, config);
  const rings = new KeyRings(keyRings, tenants, clock, SILENT, config);
  const unsigned = new JwtIssuer(
    rings,
    { sign: () => Promise.resolve(Buffer.alloc(0)) },
    { confirmFirstToken: () => undefined },
    config,
  );
  const ownTokens = new OwnTokenVerifier(rings, revocations, clock, config);
  const { publicUrl } = config;
  const gate = new IssueGate(revocations, tenants, clock);
  return { publicUrl, clock, tenants, directories, gate, unsigned, ownTokens };
}
