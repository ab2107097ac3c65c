export const NO_ANSWER = 'no answer in time';

/** Reasons that alternate while Redis is unreachable. */
export const REDIS_UNREACHED = ['connection refused', 'connection lost', NO_ANSWER] as const;

/** The first word of an error reply is its kind. The rest may name users, keys and addresses. */
const REASON_BY_REPLY: ReadonlyMap<string, string> = new Map([
  ['READONLY', 'read only'],
  ['NOPERM', 'permission is missing'],
  ['NOAUTH', 'access denied'],
  ['WRONGPASS', 'access denied'],
  ['DENIED', 'access denied'],
  ['LOADING', 'loading its data'],
  ['OOM', 'out of memory'],
  ['MASTERDOWN', 'its primary is away'],
  ['MISCONF', 'cannot save its data'],
  ['NOREPLICAS', 'too few replicas'],
  ['BUSY', 'busy with a script'],
  ['MOVED', 'a cluster, which is not supported'],
  ['ASK', 'a cluster, which is not supported'],
  ['CROSSSLOT', 'a cluster, which is not supported'],
  ['CLUSTERDOWN', 'a cluster, which is not supported'],
]);

const REASON_BY_CODE: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['EHOSTUNREACH', 'connection refused'],
  ['ENETUNREACH', 'connection refused'],
  ['ENOTFOUND', 'host name is not known'],
  ['EAI_AGAIN', 'host name is not known'],
  ['ETIMEDOUT', NO_ANSWER],
]);

const CERTIFICATE = /^(?:CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/;

/** Maps a Redis failure to a fixed phrase, because its own text must not be logged. */
export function redisFailureReason(error: unknown): string {
  if (!(error instanceof Error)) return 'connection lost';
  if (error.name === 'ReplyError') return replyReason(error.message);
  // Timeouts of the library have no code.
  if (/^(?:Command timed out|connect ETIMEDOUT)$/.test(error.message)) return NO_ANSWER;
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string') return 'connection lost';
  return REASON_BY_CODE.get(code) ?? (CERTIFICATE.test(code) ? 'certificate is not trusted' : 'connection lost');
}

function replyReason(message: string): string {
  const known = REASON_BY_REPLY.get(message.split(' ', 1)[0] ?? '');
  if (known !== undefined) return known;
  // Inside a script, a missing permission has no kind of its own, only a text: "… can't run this command", "… can't publish to the channel …". Redis
  // 6 says "ACL failure in script".
  if (/The user executing the script can't|ACL failure in script/.test(message)) return 'permission is missing';
  if (message.includes('max number of clients')) return 'out of connections';
  return 'command refused';
}
