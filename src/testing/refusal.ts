import { TesseraError } from '../errors/tessera-error.ts';

/** The refusal that this work ends in. Fails when it ends well, or in anything that is not a refusal of ours. */
export async function refusalOf(work: Promise<unknown>): Promise<TesseraError> {
  const outcome: unknown = await work.then(
    () => 'no refusal came',
    (error: unknown) => error,
  );
  if (outcome instanceof TesseraError) return outcome;
  throw outcome instanceof Error ? outcome : new Error(String(outcome));
}
