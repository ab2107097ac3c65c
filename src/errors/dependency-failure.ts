/**
 * The dependencies of the service, and every failure of them that answers a request with 503. Logs and audit records contain these phrases verbatim.
 * Code that treats one failure differently compares `failure.kind`. If a phrase changes here, that comparison does not compile.
 */
export interface DependencyFailures {
  'control database': DatabaseFailureReason | DatabaseStateFailure;
  'tenant database': DatabaseFailureReason | DatabaseStateFailure;
  /** A file of the data directory that a command reads as a whole. */
  'embedded database': DatabaseFailureReason | DatabaseStateFailure;
  'apply lock': DatabaseFailureReason | DatabaseStateFailure;
  vault: VaultFailure;
  'key ring': KeyRingFailure;
  revocations:
    | 'the list cannot be read now'
    | 'the list is too old'
    | 'the list was never read'
    | 'recorded, but not known here yet';
  audit: 'too many records wait' | 'the record was not written in time' | 'the record was not written';
  /** The pipeline itself. */
  token: 'not made in time';
}

export type Dependency = keyof DependencyFailures;

export type DatabaseName = 'control database' | 'tenant database' | 'embedded database' | 'apply lock';

/** The dependency that failed, and how. `unavailable` attaches it to the TesseraError that it makes. */
export type DependencyFailure = {
  readonly [Name in Dependency]: {
    readonly dependency: Name;
    readonly kind: DependencyFailures[Name];
    /** The kind with its particulars: the part of the error's reason after the dependency's name. */
    readonly text: string;
  };
}[Dependency];

/** Every kind of database failure, as a fixed phrase that is safe to log. */
export type DatabaseFailureReason =
  | 'connection refused'
  | 'unknown host'
  | 'host is not reachable'
  | 'connection lost'
  | 'no answer in time'
  | 'access denied'
  /** The server accepts no connection from this machine, for any user. */
  | 'this host is not allowed'
  | 'login method is not supported'
  | 'no TLS'
  | 'certificate refused'
  | 'no access to the database'
  | 'permission is missing'
  | 'out of connections'
  /** The limit of this user; others may still connect. */
  | 'out of connections of the user'
  | 'out of prepared statements'
  | 'statement too large'
  | 'database does not exist'
  | 'schema is missing'
  | 'busy'
  /** The server answers but accepts no writes: a replica, or a primary that is being replaced. */
  | 'read only'
  /** A cluster node that has lost the other nodes or has not joined them yet. */
  | 'not ready'
  | 'collations differ'
  | 'disk full'
  | 'damaged'
  | 'constraint violated'
  /** The answer was larger than the limit, or not valid protocol. The connection was destroyed. */
  | 'answer is too large'
  | 'answer is malformed'
  | 'no such connection'
  | 'connection of another user'
  | 'init_connect failed'
  | `the server does not keep our session's ${string}`
  | 'query failed';

/** Failures that no driver reports: the service finds them itself, in the database's state or in its answers. */
export type DatabaseStateFailure =
  | 'closed'
  | 'cannot be opened'
  | 'not open'
  | 'the schema is not current'
  | 'does not keep what is written'
  | 'a row is malformed'
  | 'the change sequence is missing'
  | 'the sequence of revocations is missing'
  | 'a revocation takes too long to commit'
  | 'it is changed too fast to be read'
  | 'belongs to another tenant'
  | 'belongs to no tenant'
  | 'a subject has too many grants'
  | 'has too many rows'
  | 'holds a value that is not text'
  | 'holds a value that is too long'
  | 'holds an id that is not printable ASCII'
  | 'holds an address that is not valid'
  | 'holds a scope that is malformed'
  | 'holds two users where there must be one'
  | 'holds one identity for two users'
  | 'breaks the contract of an external directory'
  | 'lacks a value that it must have';

export type VaultFailure =
  // Vault itself, or the network path to it.
  | 'it is sealed or not ready'
  | 'it is a standby'
  | 'it redirects to another server'
  | 'it limits our requests'
  | 'it failed'
  | 'its answer is not as documented'
  | 'it speaks TLS and VAULT_ADDR is http'
  | 'it cannot be reached'
  | 'its host name is not known'
  | 'its certificate is not trusted'
  | 'the TLS connection failed'
  | 'the connection broke'
  | 'no answer in time'
  | 'all connections are busy'
  | 'too many operations are waiting'
  // Missing mounts, namespaces and permissions; rejected credentials.
  | 'the mount does not exist'
  | 'the mount does not exist, or our policy grants nothing on it'
  | 'the mount or namespace does not exist'
  | 'the mount is not a KV engine'
  | 'the mount is not KV version 2'
  | 'the namespace does not exist'
  | 'our policy does not allow this'
  | 'our policy does not allow to write'
  | 'it refuses our token'
  | 'it refuses the token that it has just given'
  | 'it refuses our role id or secret id'
  | 'it refuses the login'
  | 'login failed'
  // Files of the embedded store.
  | 'another writer holds the lock'
  | 'the key file must have mode 0600'
  | 'the key file is malformed'
  | 'the key file is missing: restore it from the backup'
  | 'the entry was sealed with another key file'
  | 'the entry is damaged or was moved'
  | 'no space is left for its files'
  | 'its files may not be accessed'
  | 'its files cannot be read or written'
  // The content of an entry.
  | 'the entry is malformed'
  | 'the credentials of a tenant database are missing'
  | 'the key ring is malformed'
  | 'the key ring changes too fast';

export type KeyRingFailure =
  | 'no key signs'
  | 'the tenant has none'
  | 'reading failed unexpectedly'
  | 'a key is not what its entry says'
  | `a second implementation ${string} the first token of a key`;
