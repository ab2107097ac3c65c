import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.ts';
import { DirectoryModule } from '../directory/directory.module.ts';
import { OwnTokensModule } from '../verification/own-tokens.module.ts';
import { Log } from '../logging/log.ts';
import { Clock } from '../domain/clock.ts';
import { Egress, resolveBySystem } from '../identity-providers/egress/egress.ts';
import { OidcExchangeGrant } from './grants/oidc-exchange/oidc-exchange.grant.ts';
import { KEYS_DEADLINE_MS } from '../identity-providers/keys/fetch-key-set.ts';
import { RemoteKeySets } from '../identity-providers/keys/remote-key-sets.ts';

/** Identity providers and their keys, and the grant of oidcToken. */
@Module({
  imports: [DirectoryModule, OwnTokensModule],
  providers: [
    {
      provide: Egress,
      inject: [CONFIG, Log],
      useFactory: ({ federationAllowedHosts: allowedHosts }: Config, log: Log) => {
        // Warn at every start about hosts that are allowed for development.
        if (allowedHosts.length > 0) log.warn('federation_allowed_hosts', { hosts: allowedHosts.join(',') });
        return new Egress({ allowedHosts, resolve: resolveBySystem, certificateAuthorities: undefined });
      },
    },
    {
      provide: RemoteKeySets,
      inject: [Egress, Clock, Log],
      useFactory: (egress: Egress, clock: Clock, log: Log) =>
        new RemoteKeySets({ egress, clock, log, deadlineMs: KEYS_DEADLINE_MS }),
    },
    OidcExchangeGrant,
  ],
  exports: [OidcExchangeGrant],
})
export class OidcExchangeModule {}
