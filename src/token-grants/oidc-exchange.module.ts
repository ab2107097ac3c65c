import { Module } from '@nestjs/common';
import { TokenGrantsModule } from './token-grants.module.ts';
import { TOKEN_DESK, type TokenDesk } from './token-desk.ts';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { RateLimitModule } from '../rate-limit/rate-limit.module.ts';
import { FailureLimits } from '../rate-limit/failure-limits.ts';
import { OwnTokensModule } from '../verification/own-tokens.module.ts';
import { OwnTokenVerifier } from '../verification/own-tokens.ts';
import { Log } from '../logging/log.ts';
import { Clock } from '../domain/clock.ts';
import { Egress, resolveBySystem } from '../identity-providers/egress/egress.ts';
import { ExchangeToken } from './grants/oidc-exchange/exchange-token.ts';
import { KEYS_DEADLINE_MS } from '../identity-providers/keys/fetch-key-set.ts';
import { RemoteKeySets } from '../identity-providers/keys/remote-key-sets.ts';

/** Foreign issuers and their keys, and the door of oidcToken. */
@Module({
  imports: [TokenGrantsModule, OwnTokensModule, RateLimitModule],
  providers: [
    {
      provide: Egress,
      inject: [CONFIG, Log],
      useFactory: ({ federationAllowedHosts: allowedHosts }: Config, log: Log) => {
        // A hole in the wall that was opened for development is seen at every start.
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
    {
      provide: ExchangeToken,
      inject: [TOKEN_DESK, OwnTokenVerifier, RemoteKeySets, FailureLimits, Log],
      useFactory: (
        desk: TokenDesk,
        ownTokens: OwnTokenVerifier,
        keySets: RemoteKeySets,
        limits: FailureLimits,
        log: Log,
      ) => {
        const { clock, directories, publicUrl } = desk;
        return new ExchangeToken(desk, { ownTokens, directories, keySets, clock, publicUrl }, limits, log);
      },
    },
  ],
  exports: [ExchangeToken],
})
export class OidcExchangeModule {}
