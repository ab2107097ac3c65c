/** The fix for each failure of the secret store, as in docs/operation.md. The first matching row applies. */
export const VAULT_FIXES: readonly (readonly [reason: string, fix: string])[] = [
  [
    'vault: it is sealed or not ready',
    'Unseal Vault (`vault operator unseal`), or wait until it has started, then run the command again.',
  ],
  ['vault: it is a standby', 'Set VAULT_ADDR to the active node, or to a load balancer that leads to it.'],
  ['vault: it redirects', 'Set VAULT_ADDR to the active node, or to a load balancer that leads to it.'],
  ['vault: it limits', "Raise Vault's rate limit quota for this client, or lower TESSERA_VAULT_CONCURRENCY."],
  [
    'vault: the mount does not exist, or our policy',
    'Set VAULT_KV_MOUNT to a mount of KV version 2, and give the token the policy of deploy/vault-policy.hcl, adapted to that mount.',
  ],
  [
    'vault: the mount does not exist',
    'Create it (`vault secrets enable -path=MOUNT kv-v2`), or correct VAULT_KV_MOUNT.',
  ],
  [
    'vault: the mount is not KV version 2',
    'Upgrade it (`vault kv enable-versioning MOUNT`), or set VAULT_KV_MOUNT to another.',
  ],
  ['vault: the mount is not a KV engine', 'Set VAULT_KV_MOUNT to a mount of KV version 2.'],
  ['vault: the mount or namespace does not exist', 'Correct VAULT_ADDR, VAULT_NAMESPACE and VAULT_KV_MOUNT.'],
  ['vault: the namespace', 'Correct VAULT_NAMESPACE, or create the namespace.'],
  [
    'vault: our policy does not allow to write',
    'Add "create" and "update" on MOUNT/data/* to the policy: see deploy/vault-policy.hcl.',
  ],
  ['vault: our policy', 'Give the token the policy of deploy/vault-policy.hcl, written for the mount.'],
  [
    'vault: it refuses our token',
    'It has expired, was revoked or is wrong: set a new VAULT_TOKEN, preferably a periodic one.',
  ],
  [
    'vault: it refuses the token that it has just given',
    'Let the AppRole issue tokens that live longer than a second, for this address.',
  ],
  [
    'vault: it refuses our role id or secret id',
    'Correct VAULT_ROLE_ID, and make a new secret id for VAULT_SECRET_ID.',
  ],
  ['vault: it refuses the login', 'Enable the AppRole login at auth/approle, and let the role accept this address.'],
  ['vault: its host name', 'Correct the host of VAULT_ADDR, or the name server.'],
  [
    'vault: its certificate',
    'Set NODE_EXTRA_CA_CERTS to the file of its authority, and use in VAULT_ADDR the host that the certificate names.',
  ],
  [
    'vault: the TLS connection',
    'Check that VAULT_ADDR leads to a port that speaks TLS, or write http: where it does not.',
  ],
  ['vault: it speaks TLS', 'Write https: in VAULT_ADDR.'],
  ['vault: it cannot be reached', 'Check that Vault runs, and that VAULT_ADDR and the firewall lead to it.'],
  ['vault: no answer in time', 'Check the network to Vault and its load, then run the command again.'],
  ['vault: the connection broke', 'Run the command again. The last write may have taken effect.'],
  ['vault: its answer', 'Check that VAULT_ADDR leads to Vault itself, and not to a proxy or another service.'],
  ['vault: it failed', "Look at Vault's own log, then run the command again."],
  [
    'vault: another writer holds the lock',
    'Another process writes to TESSERA_DATA_DIR: run the command again when it has finished.',
  ],
  ['vault: all connections', 'Run the command again; if it fails again, raise TESSERA_VAULT_CONCURRENCY.'],
  ['vault: too many operations', 'Run the command again; if it fails again, raise TESSERA_VAULT_CONCURRENCY.'],
  ['vault: the key file must have mode', 'Run that, then run the command again.'],
  ['vault: the key file is malformed', 'Restore vault.key of TESSERA_DATA_DIR from the backup.'],
  ['vault: the key file is missing', 'It is vault.key of TESSERA_DATA_DIR.'],
  [
    'vault: the entry was sealed with another key',
    'Restore vault.key and the folder vault of TESSERA_DATA_DIR from the same backup.',
  ],
  ['vault: the entry is damaged', 'Restore the folder vault of TESSERA_DATA_DIR from the backup.'],
  ['vault: the entry is malformed', 'Correct the entry in Vault: docs/operation.md describes the entries.'],
  ['vault: no space is left', 'Free some space for TESSERA_DATA_DIR, then run the command again.'],
  [
    'vault: its files may not be accessed',
    'Give the files of TESSERA_DATA_DIR to the user that runs this (chown), then run the command again.',
  ],
  ['vault: its files', 'Check the files of TESSERA_DATA_DIR, their owner and their disk, then run the command again.'],
  ['vault: the key ring is malformed', 'Restore the entry keys/<tenant> from a backup or an older version of it.'],
  ['vault: the key ring changes too fast', 'Another process changes the same key ring: run the command again.'],
  ['vault: login failed', 'Check VAULT_ROLE_ID and VAULT_SECRET_ID, then run the command again.'],
];
