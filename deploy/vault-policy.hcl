# The permissions of Tessera in Vault or OpenBao, besides the policy `default` (look up, renew and revoke its own token).
# `kv` is the mount (VAULT_KV_MOUNT).

# Client secrets (secret/), key rings (keys/), database credentials (database/), keys of the audit's digests (audit/). Writes are check-and-set.
path "kv/data/*" {
  capabilities = ["create", "read", "update"]
}

# `tessera purge` lists and destroys the entries of removed tenants.
path "kv/metadata/*" {
  capabilities = ["list", "read", "delete"]
}
