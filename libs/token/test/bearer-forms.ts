/** One way to write a bearer. Every place that reads a bearer is tested against the same table. */
export interface BearerForm {
  readonly name: string;
  /** The values of the `Authorization` headers, as they are sent. */
  readonly headers: (token: string) => readonly string[];
  readonly accepted: boolean;
}

const form = (name: string, accepted: boolean, ...headers: readonly ((token: string) => string)[]): BearerForm => ({
  name,
  accepted,
  headers: (token) => headers.map((header) => header(token)),
});
const good = (token: string): string => `Bearer ${token}`;

/** RFC 6750, section 2.1: `"Bearer" 1*SP b64token`. */
export const BEARER_FORMS: readonly BearerForm[] = [
  form('one space', true, good),
  form('two spaces', true, (token) => `Bearer  ${token}`),
  form('many spaces', true, (token) => `Bearer${' '.repeat(9)}${token}`),
  form('the scheme in lower case', true, (token) => `bearer ${token}`),
  form('the scheme in capitals', true, (token) => `BEARER ${token}`),
  form('no header', false),
  form('an empty header', false, () => ''),
  form('no token', false, () => 'Bearer'),
  form('no token after the space', false, () => 'Bearer '),
  form('the token alone', false, (token) => token),
  form('no space', false, (token) => `Bearer${token}`),
  form('a tab for the space', false, (token) => `Bearer\t${token}`),
  form('a tab after the space', false, (token) => `Bearer \t${token}`),
  form('a colon', false, (token) => `Bearer: ${token}`),
  form('another scheme', false, (token) => `Basic ${token}`),
  form('DPoP', false, (token) => `DPoP ${token}`),
  form('the scheme twice', false, (token) => `Bearer Bearer ${token}`),
  form('two tokens', false, (token) => `Bearer ${token} ${token}`),
  form('two values in one header', false, (token) => `Bearer ${token}, Bearer ${token}`),
  form('two tokens with a comma', false, (token) => `Bearer ${token},${token}`),
  form('a parameter', false, (token) => `Bearer ${token}, realm="x"`),
  form('quotes', false, (token) => `Bearer "${token}"`),
  form('a letter beyond ASCII', false, (token) => `Bearer ${token}\u00e9`),
  form('padding', false, (token) => `Bearer ${token}=`),
  form('two headers', false, good, good),
  form('a good header and an empty one', false, good, () => ''),
  form('another scheme and a good header', false, () => 'Basic eDp5', good),
];
