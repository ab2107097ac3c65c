import { textMember } from '../logging/flat-json.ts';
import type { GrantFacts } from './audit-record.ts';

/** The column `details` of a request to the token endpoint. Programs rely on the names. */
export function writeGrantDetails({ type, audience, actor, parentTokenId, rootTokenId }: GrantFacts): string {
  // By hand: this runs for every token, and most members are absent. A grant type has no character to escape.
  return `{"grant":"${type}"${textMember(',"audience":"', audience)}${textMember(',"actor":"', actor)}${textMember(',"parent_token_id":"', parentTokenId)}${textMember(',"root_token_id":"', rootTokenId)}}`;
}

/** Undefined for a record that is not of the token endpoint: what somebody else wrote into the column is no error. */
export function readGrantDetails(details: string | null): GrantFacts | undefined {
  const members = parsed(details);
  const text = (name: string): string | undefined => {
    const value = members?.[name];
    return typeof value === 'string' ? value : undefined;
  };
  const type = text('grant');
  if (type === undefined) return undefined;
  return {
    type,
    audience: text('audience'),
    actor: text('actor'),
    parentTokenId: text('parent_token_id'),
    rootTokenId: text('root_token_id'),
  };
}

function parsed(details: string | null): Readonly<Record<string, unknown>> | undefined {
  if (details === null) return undefined;
  try {
    const value: unknown = JSON.parse(details);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
