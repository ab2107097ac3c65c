export {
  type TestClientOptions,
  type TestClientTokens,
  TestTessera,
  type TestTesseraOptions,
} from './testing/test-tessera.ts';
export type { TestTokenFields } from './testing/test-token-fields.ts';
export type { TestExchangeRequest, TestTokenRequest, TestTokenResponse } from './testing/test-token-request.ts';
