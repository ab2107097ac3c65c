import { askForToken } from '../requests/generate-token.ts';

/**
 * Asks a server for the first token of the example tenant, `examples/acme.yaml`.
 *
 * @param applied what `apply --output json` printed for it
 * @returns the token, and fails if there is none
 */
export async function firstToken(url: string, applied: string): Promise<string> {
  const { secrets } = JSON.parse(applied) as { secrets: { client_id: string; secret_id: string }[] };
  const response = await askForToken(url, secrets.find(({ client_id: client }) => client === 'web')?.secret_id);
  const answer = (await response.json()) as { access_token?: string };
  if (response.status !== 200 || answer.access_token === undefined)
    throw new Error(`no token: ${JSON.stringify(answer)}`);
  return answer.access_token;
}
