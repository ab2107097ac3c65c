import { TesseraError } from '../errors/tessera-error.ts';

/** Returns the TesseraError that the work rejects with. Fails if it resolves or rejects with anything else. */
export async function refusalOf(work: Promise<unknown>): Promise<TesseraError> {
  const outcome: unknown = await work.then(
    () => 'no refusal came',
    (error: unknown) => error,
  );
  if (outcome instanceof TesseraError) return outcome;
  throw outcome instanceof Error ? outcome : new Error(String(outcome));
}
