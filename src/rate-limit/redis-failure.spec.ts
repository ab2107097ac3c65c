import { redisFailureReason } from './redis-failure.ts';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const coded = (code: string) => Object.assign(new Error('MARKED'), { code });

describe('redisFailureReason', () => {
  it.each([
    ["READONLY You can't write against a read only replica. script: 1f, on @user_script:2.", 'read only'],
    ["NOPERM this user has no permissions to access the 'MARKED' channel", 'permission is missing'],
    [
      "ERR The user executing the script can't publish to the channel mentioned in the command script: 1f",
      'permission is missing',
    ],
    ['NOAUTH Authentication required.', 'access denied'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'access denied'],
    ['LOADING Redis is loading the dataset in memory', 'loading its data'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'out of memory'],
    ['MASTERDOWN Link with MASTER is down', 'its primary is away'],
    ['MISCONF Redis is configured to save RDB snapshots', 'cannot save its data'],
    ['MOVED 3999 MARKED:6381', 'a cluster, which is not supported'],
    ['ERR max number of clients reached', 'out of connections'],
    ['ERR MARKED', 'command refused'],
  ])('reads the reply "%s" as "%s"', (message, reason) => {
    expect(redisFailureReason(reply(message))).toBe(reason);
  });

  it.each([
    [coded('ECONNREFUSED'), 'connection refused'],
    [coded('ENOTFOUND'), 'host name is not known'],
    [coded('SELF_SIGNED_CERT_IN_CHAIN'), 'certificate is not trusted'],
    [new Error('Command timed out'), 'no answer in time'],
    [new Error('Connection is closed.'), 'connection lost'],
    [undefined, 'connection lost'],
  ])('reads %p as "%s"', (error, reason) => {
    expect(redisFailureReason(error)).toBe(reason);
  });
});
