import type { AttemptKey } from '../../rate-limit/attempt-limit.ts';
import type { TokenForm } from './token-form.ts';

/** What failures count against until the client is known. Then the client's own key follows, under which guesses at its secret are refused. */
export function formAttemptKey({
  tenantId,
  presented: { claimed },
}: Pick<TokenForm, 'tenantId' | 'presented'>): AttemptKey {
  return { key: `${tenantId}/${claimed.projectId ?? '?'}/${claimed.clientId}`, isGuessable: false };
}
