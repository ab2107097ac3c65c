import { Inject, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.ts';
import { Log } from '../logging/log.ts';
import { Egress } from './egress/egress.ts';
import { OutboundNetwork } from './egress/outbound-network.ts';
import { RemoteKeySets } from './keys/remote-key-sets.ts';

/** The keys of trusted issuers, and the only way to their hosts. */
@Module({
  providers: [OutboundNetwork, Egress, RemoteKeySets],
  exports: [RemoteKeySets],
})
export class IdentityProvidersModule {
  constructor(@Inject(CONFIG) { federationAllowedHosts }: Config, log: Log) {
    // Warns at every start about hosts that are allowed for development.
    if (federationAllowedHosts.length > 0)
      log.warn('federation_allowed_hosts', { hosts: federationAllowedHosts.join(',') });
  }
}
