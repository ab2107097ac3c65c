import { wrongOption } from '@tessera/token/core';

/** The options of `tokens` that belong to one grant. With the other they would be ignored, and a reader would believe that they apply. */
const OPTIONS_OF_PERSONS = ['emailId', 'surface'];
const OPTIONS_OF_CLIENTS = ['audience', 'scope', 'issuer', 'privateKey', 'assertion'];

/**
 * @param grant that of the module
 * @throws TypeError that ends with the fix
 */
export function demandOtherGrantOf(options: object, grant: 'client_credentials' | undefined): void {
  // Callers in plain JavaScript may pass anything.
  if (![undefined, 'client_credentials'].includes(grant))
    throw wrongOption('tokens.grant', 'is unknown', "use 'client_credentials', or leave it out for generateToken");
  const values = options as Readonly<Record<string, unknown>>;
  const isOfClients = grant !== undefined;
  const foreign = (isOfClients ? OPTIONS_OF_PERSONS : OPTIONS_OF_CLIENTS).find((name) => values[name] !== undefined);
  if (foreign !== undefined)
    throw isOfClients
      ? wrongOption(
          `tokens.${foreign}`,
          'belongs to tokens of a person',
          "remove it, or remove grant: 'client_credentials'",
        )
      : wrongOption(
          `tokens.${foreign}`,
          'belongs to tokens of a client',
          "remove it, or add grant: 'client_credentials'",
        );
}

/** @throws TypeError that ends with the fix */
export function demandText(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw wrongOption(`tokens.${name}`, 'is not a non-empty string', 'pass who asks for whom');
  return value;
}

/**
 * The endpoint refuses an empty parameter. Here it is a mistake of the application, such as a setting that is not set.
 *
 * @throws TypeError that ends with the fix
 */
export function demandTextIfAny(name: string, value: unknown): void {
  if (value !== undefined && (typeof value !== 'string' || value === ''))
    throw wrongOption(name, 'is not a non-empty string', 'name it, or leave it out');
}
