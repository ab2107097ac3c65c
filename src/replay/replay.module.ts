import { Module } from '@nestjs/common';
import { ControlPlaneModule } from '../control-plane/control-plane.module.ts';
import { RedeemedTokens } from './redeemed-tokens.ts';
import { ReplayProtection } from './replay-protection.ts';

/** Lets a subject token be exchanged once. */
@Module({
  imports: [ControlPlaneModule],
  providers: [{ provide: ReplayProtection, useClass: RedeemedTokens }],
  exports: [ReplayProtection],
})
export class ReplayModule {}
