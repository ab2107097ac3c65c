export {
  TestTessera,
  type TestTesseraOptions,
  type TestTokenFields,
  type TestTokenRequest,
} from './testing/test-tessera.ts';
