import type { Config } from '../../config/config.ts';
import type { EndpointGrant } from '../../domain/grant-types.ts';
import { Egress } from '../../identity-providers/egress/egress.ts';
import { OutboundNetwork } from '../../identity-providers/egress/outbound-network.ts';
import { RemoteKeySets } from '../../identity-providers/keys/remote-key-sets.ts';
import type { ExplainedGrant } from '../../token-grants/explain.ts';
import type { Grant, TokenRequest } from '../../token-grants/grant.ts';
import {
  CLIENT_CREDENTIALS_CHECKS,
  ClientCredentialsGrant,
} from '../../token-grants/grants/client-credentials/client-credentials.grant.ts';
import { JWT_BEARER_CHECKS, JwtBearerGrant } from '../../token-grants/grants/jwt-bearer/jwt-bearer.grant.ts';
import { ACCESS_TOKEN_TYPE } from '../../token-grants/grants/token-exchange/parse-token-exchange.ts';
import {
  TOKEN_EXCHANGE_CHECKS,
  TokenExchangeGrant,
} from '../../token-grants/grants/token-exchange/token-exchange.grant.ts';
import type { AssumedCallers } from '../../token-grants/token-form/assumed-callers.ts';
import { ExplainedFormGrant } from '../../token-grants/token-form/explained-form.grant.ts';
import type { TokenFormInput } from '../../token-grants/token-form/token-form.ts';
import { SILENT } from '../installation.ts';
import type { explainParts } from './explain-parts.ts';

interface GrantForm {
  /** The parameter for the token of standard input; undefined: the grant takes none. */
  readonly tokenParameter: string | undefined;
  readonly parameters: readonly (readonly [string, string])[];
}

/** What a request of each grant holds besides its type, the client and what it asks for. */
export const GRANT_FORMS: Readonly<Record<EndpointGrant, GrantForm>> = {
  client_credentials: { tokenParameter: undefined, parameters: [] },
  'token-exchange': {
    tokenParameter: 'subject_token',
    parameters: [['subject_token_type', ACCESS_TOKEN_TYPE]],
  },
  'jwt-bearer': { tokenParameter: 'assertion', parameters: [] },
};

type Parts = ReturnType<typeof explainParts>;
type FormGrant = Grant<TokenRequest, TokenFormInput>;

/** The server's own grant over assumed callers. */
export function explainedGrant(
  name: EndpointGrant,
  parts: Parts,
  callers: AssumedCallers,
  config: Config,
): ExplainedGrant<TokenRequest, TokenFormInput> {
  const { grant, checks } = GRANTS[name](parts, callers, config);
  return new ExplainedFormGrant(grant, callers, checks);
}

type Make = (
  parts: Parts,
  callers: AssumedCallers,
  config: Config,
) => { readonly grant: FormGrant; readonly checks: readonly string[] };

// A grant gets back only the requests that it has parsed.
const GRANTS: Readonly<Record<EndpointGrant, Make>> = {
  client_credentials: (_parts, callers) => ({
    grant: new ClientCredentialsGrant(callers) as unknown as FormGrant,
    checks: CLIENT_CREDENTIALS_CHECKS,
  }),
  'token-exchange': (parts, callers) => ({
    grant: new TokenExchangeGrant(parts, callers, parts.ownTokens) as unknown as FormGrant,
    checks: TOKEN_EXCHANGE_CHECKS,
  }),
  'jwt-bearer': (parts, callers, config) => ({
    grant: new JwtBearerGrant(
      parts,
      callers,
      new RemoteKeySets(new Egress(config, new OutboundNetwork()), parts.clock, SILENT, config),
      parts.clock,
    ) as unknown as FormGrant,
    checks: JWT_BEARER_CHECKS,
  }),
};
