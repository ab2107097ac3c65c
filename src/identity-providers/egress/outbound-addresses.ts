import type { LookupFunction, Socket } from 'node:net';
import { plainAddress } from '../../domain/networks.ts';
import { FetchFailure } from './fetch-failure.ts';
import type { OutboundNetwork } from './outbound-network.ts';
import { hostAndPort, isPrivateAddress, isPublicAddress, type ListedHosts } from './provider-url.ts';

/** Which addresses the host of a URL may have. */
export interface AddressRule {
  readonly mayReach: (address: string) => boolean;
  /** For an address that it may not have: a fixed phrase. */
  readonly refusal: string;
}

const BLOCKED = 'the host has an address that may not be reached';

export function addressRuleOf(url: URL, { federationAllowedHosts, federationPrivateHosts }: ListedHosts): AddressRule {
  if (federationAllowedHosts.includes(hostAndPort(url))) return { mayReach: () => true, refusal: BLOCKED };
  if (url.protocol === 'https:' && federationPrivateHosts.includes(url.hostname))
    return {
      mayReach: (address) => isPublicAddress(address) || isPrivateAddress(address),
      refusal: `${BLOCKED}: it is listed as private, but its address is neither private nor public`,
    };
  return {
    mayReach: isPublicAddress,
    refusal: `${BLOCKED}: list a provider in your own network in TESSERA_FEDERATION_PRIVATE_HOSTS`,
  };
}

/** One blocked address refuses the whole name, because which of several addresses is used is random. */
export function lookupOf(network: OutboundNetwork, { mayReach, refusal }: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    network.resolve(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined || !addresses.every(({ address }) => mayReach(address)))
          callback(new FetchFailure(refusal), '', 0);
        else if (options.all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      // Errors of resolvers contain the name.
      () => {
        callback(new FetchFailure('its name does not resolve'), '', 0);
      },
    );
  };
}

/** For an address in the URL itself, which skips the lookup. */
export function isConnectedWithin(socket: Socket, { mayReach }: AddressRule): boolean {
  return mayReach(plainAddress(socket.remoteAddress ?? ''));
}
