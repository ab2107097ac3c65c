import { readFile } from 'node:fs/promises';
import { type DynamicModule, Module } from '@nestjs/common';
import { TesseraClientModule } from '@tessera/client';
import { HealthController } from '../health.controller.ts';
import type { Settings } from '../read-settings.ts';
import { OrdersController } from './orders.controller.ts';
import { STOCK, StockClient, type StockSettings } from './stock.client.ts';

export const ORDERS_SETTINGS = [
  'HOST',
  'PORT',
  'TOKENS_URL',
  'TENANT',
  'AUDIENCE',
  'PROJECT',
  'CLIENT_ID',
  'CLIENT_SECRET_FILE',
  'STOCK_URL',
  'STOCK_AUDIENCE',
] as const;

@Module({ controllers: [OrdersController, HealthController], providers: [StockClient] })
export class OrdersModule {
  static register(settings: Settings<(typeof ORDERS_SETTINGS)[number]>): DynamicModule {
    return {
      module: OrdersModule,
      imports: [
        TesseraClientModule.forRoot({
          baseUrl: settings.TOKENS_URL,
          tenants: [settings.TENANT],
          audience: settings.AUDIENCE,
          tokens: {
            // This service calls in its own name, not in that of an invented user.
            grant: 'client_credentials',
            tenantId: settings.TENANT,
            projectId: settings.PROJECT,
            clientId: settings.CLIENT_ID,
            // Read for each request of a token, so that a rotated secret needs no restart.
            secretId: async () => (await readFile(settings.CLIENT_SECRET_FILE, 'utf8')).trim(),
          },
        }),
      ],
      providers: [
        {
          provide: STOCK,
          useValue: { url: settings.STOCK_URL, audience: settings.STOCK_AUDIENCE } satisfies StockSettings,
        },
      ],
    };
  }
}
