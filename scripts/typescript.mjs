/**
 * `node --import ./scripts/typescript.mjs file.ts` runs TypeScript from its source, with the compiler and the settings that Jest uses.
 * For development programs (tests' runner, benchmarks) only: the service itself runs what `npm run build` made.
 */
import { register } from 'node:module';

register('./typescript-hook.mjs', import.meta.url);
