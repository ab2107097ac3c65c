export { type TesseraStrategyOptions, tesseraStrategyOptions } from './passport/strategy-options.ts';
export { TesseraStrategy } from './passport/tessera.strategy.ts';
