/** The header by which a client authenticates (RFC 6749, section 2.3.1): id and secret form-encoded, then Basic. */
export function basic(id: string, secret: string): { readonly authorization: string } {
  const text = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}
