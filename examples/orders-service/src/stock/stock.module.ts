import { type DynamicModule, Module } from '@nestjs/common';
import { TesseraClientModule } from '@tessera/client';
import { HealthController } from '../health.controller.ts';
import type { Settings } from '../read-settings.ts';
import { StockController } from './stock.controller.ts';

export const STOCK_SETTINGS = ['HOST', 'PORT', 'TOKENS_URL', 'TENANT', 'AUDIENCE'] as const;

@Module({ controllers: [StockController, HealthController] })
export class StockModule {
  static register(settings: Settings<(typeof STOCK_SETTINGS)[number]>): DynamicModule {
    return {
      module: StockModule,
      imports: [
        TesseraClientModule.forRoot({
          baseUrl: settings.TOKENS_URL,
          tenants: [settings.TENANT],
          audience: settings.AUDIENCE,
          // Without this line, tokens of services would be refused.
          surfaces: ['user', 'service'],
        }),
      ],
    };
  }
}
