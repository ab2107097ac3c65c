export { TestTessera, type TestTesseraOptions, type TestTokenFields } from '@tessera/token/testing';
