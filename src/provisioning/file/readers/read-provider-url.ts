import { invalidProviderUrlReason, type ListedHosts } from '../../../identity-providers/egress/provider-url.ts';
import { matching, type Reader } from './read-fields.ts';

// The size of the control plane's column.
const MAX_KEY_SET_URL_LENGTH = 2_048;

/** The URL of a key set, of a trusted issuer or of a client. */
export function keySetUrl(listedHosts: ListedHosts): Reader<string> {
  return providerUrl('allowed', MAX_KEY_SET_URL_LENGTH, listedHosts);
}

/** A URL of an identity provider that this service may fetch. */
export function providerUrl(
  query: 'allowed' | 'refused',
  maxLength: number,
  listedHosts: ListedHosts,
  more = '',
): Reader<string> {
  const text = matching(
    (value) => (value.length <= maxLength ? value : undefined),
    `an https URL of at most ${maxLength} characters${more}`,
  );
  return (node, errors) => {
    const url = text(node, errors);
    const refusal = url === undefined ? undefined : invalidProviderUrlReason(url, { query }, listedHosts);
    if (refusal === undefined) return url;
    errors.add(node.at, `${refusal}${more}`);
    return undefined;
  };
}
