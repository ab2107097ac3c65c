import type { VaultFailure } from '../errors/dependency-failure.ts';

/** The fix for each failure of the secret store, as in docs/operation.md. */
export const VAULT_FIXES: Readonly<Record<VaultFailure, string>> = {
  'it is sealed or not ready':
    'Unseal Vault (`vault operator unseal`), or wait until it has started, then run the command again.',
  'it is a standby': 'Set VAULT_ADDR to the active node, or to a load balancer that leads to it.',
  'it redirects to another server': 'Set VAULT_ADDR to the active node, or to a load balancer that leads to it.',
  'it limits our requests': "Raise Vault's rate limit quota for this client, or lower TESSERA_VAULT_CONCURRENCY.",
  'it failed': "Look at Vault's own log, then run the command again.",
  'its answer is not as documented':
    'Check that VAULT_ADDR leads to Vault itself, and not to a proxy or another service.',
  'it speaks TLS and VAULT_ADDR is http': 'Write https: in VAULT_ADDR.',
  'it cannot be reached': 'Check that Vault runs, and that VAULT_ADDR and the firewall lead to it.',
  'its host name is not known': 'Correct the host of VAULT_ADDR, or the name server.',
  'its certificate is not trusted':
    'Set NODE_EXTRA_CA_CERTS to the file of its authority, and use in VAULT_ADDR the host that the certificate names.',
  'the TLS connection failed':
    'Check that VAULT_ADDR leads to a port that speaks TLS, or write http: where it does not.',
  'the connection broke': 'Run the command again. The last write may have taken effect.',
  'no answer in time': 'Check the network to Vault and its load, then run the command again.',
  'all connections are busy': 'Run the command again; if it fails again, raise TESSERA_VAULT_CONCURRENCY.',
  'too many operations are waiting': 'Run the command again; if it fails again, raise TESSERA_VAULT_CONCURRENCY.',
  'the mount does not exist': 'Create it (`vault secrets enable -path=MOUNT kv-v2`), or correct VAULT_KV_MOUNT.',
  'the mount does not exist, or our policy grants nothing on it':
    'Set VAULT_KV_MOUNT to a mount of KV version 2, and give the token the policy of deploy/vault-policy.hcl, adapted to that mount.',
  'the mount or namespace does not exist': 'Correct VAULT_ADDR, VAULT_NAMESPACE and VAULT_KV_MOUNT.',
  'the mount is not a KV engine': 'Set VAULT_KV_MOUNT to a mount of KV version 2.',
  'the mount is not KV version 2': 'Upgrade it (`vault kv enable-versioning MOUNT`), or set VAULT_KV_MOUNT to another.',
  'the namespace does not exist': 'Correct VAULT_NAMESPACE, or create the namespace.',
  'our policy does not allow this': 'Give the token the policy of deploy/vault-policy.hcl, written for the mount.',
  'our policy does not allow to write':
    'Add "create" and "update" on MOUNT/data/* to the policy: see deploy/vault-policy.hcl.',
  'it refuses our token': 'It has expired, was revoked or is wrong: set a new VAULT_TOKEN, preferably a periodic one.',
  'it refuses the token that it has just given':
    'Let the AppRole issue tokens that live longer than a second, for this address.',
  'it refuses our role id or secret id': 'Correct VAULT_ROLE_ID, and make a new secret id for VAULT_SECRET_ID.',
  'it refuses the login': 'Enable the AppRole login at auth/approle, and let the role accept this address.',
  'login failed': 'Check VAULT_ROLE_ID and VAULT_SECRET_ID, then run the command again.',
  'another writer holds the lock':
    'Another process writes to TESSERA_DATA_DIR: run the command again when it has finished.',
  'the key file must have mode 0600': 'Run that, then run the command again.',
  'the key file is malformed': 'Restore vault.key of TESSERA_DATA_DIR from the backup.',
  'the key file is missing: restore it from the backup': 'It is vault.key of TESSERA_DATA_DIR.',
  'the entry was sealed with another key file':
    'Restore vault.key and the folder vault of TESSERA_DATA_DIR from the same backup.',
  'the entry is damaged or was moved': 'Restore the folder vault of TESSERA_DATA_DIR from the backup.',
  'no space is left for its files': 'Free some space for TESSERA_DATA_DIR, then run the command again.',
  'its files may not be accessed':
    'Give the files of TESSERA_DATA_DIR to the user that runs this (chown), then run the command again.',
  'its files cannot be read or written':
    'Check the files of TESSERA_DATA_DIR, their owner and their disk, then run the command again.',
  'the entry is malformed': 'Correct the entry in Vault: docs/operation.md describes the entries.',
  'the credentials of a tenant database are missing':
    'Put `username` and `password` into Vault at database/<tenant>, then run the command again.',
  'the key ring is malformed': 'Restore the entry keys/<tenant> from a backup or an older version of it.',
  'the key ring changes too fast': 'Another process changes the same key ring: run the command again.',
};
