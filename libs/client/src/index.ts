export {
  TESSERA_CLIENT_OPTIONS,
  type TesseraClientExtras,
  type TesseraClientOptions,
  type TesseraClientOptionsFactory,
} from './client-options.ts';
export {
  BearerToken,
  Public,
  RequireActor,
  RequireAnyRole,
  RequireAnyScope,
  RequireFreshRevocations,
  RequireGroups,
  RequireIssuer,
  RequirePermission,
  RequireResources,
  RequireRoles,
  RequireScopes,
  RequireSurface,
  RequireTenant,
  RequireTenantParam,
  Tenant,
  Token,
} from './rules/decorators.ts';
export { TesseraClientModule } from './tessera-client.module.ts';
export { TesseraGuard } from './guard/tessera.guard.ts';
export { TesseraVerifier } from './tessera-verifier.ts';
export { TesseraTokens } from './tokens/tessera-tokens.ts';
export type { ProvidedToken } from './tokens/token-cache.ts';
export type {
  ClientCredential,
  ClientPrivateKey,
  ClientReference,
  ClientTokenOptions,
  ClientTokenRequest,
  ExchangeOptions,
  ExchangeRequest,
  ExchangeTarget,
  PersonTokenOptions,
  PrivateJwk,
  TokenOverrides,
  TokenProviderOptions,
  TokenRequest,
  TokenResponse,
} from './tokens/token-provider-options.ts';
export { TokenRequestError } from './tokens/token-request-error.ts';
export { TokenError, type TokenErrorCode, type VerifiedToken, type VerifierOptions } from '@tessera/token';
