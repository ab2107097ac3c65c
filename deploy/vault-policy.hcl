# What Tessera may do in Vault or OpenBao, beside the `default` policy (look up, renew and revoke its own token).
# `kv` is the mount: VAULT_KV_MOUNT.

# Client secrets, key rings, database credentials. Writes are check-and-set.
path "kv/data/*" {
  capabilities = ["create", "read", "update"]
}

# `tessera purge` lists and destroys what a removed tenant left.
path "kv/metadata/*" {
  capabilities = ["list", "read", "delete"]
}
