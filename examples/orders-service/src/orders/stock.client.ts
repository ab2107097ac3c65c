import { BadGatewayException, Inject, Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { TesseraTokens } from '@tessera/client';

export const STOCK_URL = Symbol('STOCK_URL');

/** The service stock, asked in this service's own name: the caller's token is for orders, and goes no further. */
@Injectable()
export class StockClient {
  private readonly logger = new Logger(StockClient.name);

  constructor(
    private readonly tokens: TesseraTokens,
    @Inject(STOCK_URL) private readonly baseUrl: string,
  ) {}

  async level(article: string): Promise<number> {
    const url = `${this.baseUrl}/stock/${encodeURIComponent(article)}`;
    let answer = await this.ask(url);
    if (answer.status === 401) {
      // The token that we kept is good no more, because it was revoked, say. A new one may be; one try is enough to know.
      this.tokens.invalidate();
      answer = await this.ask(url);
    }
    if (!answer.ok) throw new BadGatewayException(`stock answered ${answer.status}`);
    const { inStock } = (await answer.json()) as { inStock: number };
    return inStock;
  }

  private async ask(url: string): Promise<Response> {
    try {
      return await fetch(url, { headers: await this.tokens.headers(), signal: AbortSignal.timeout(2_000) });
    } catch (error) {
      // A TokenRequestError, which is safe to log, or stock is away. Neither is the caller's business, nor their fault.
      this.logger.error(error);
      throw new ServiceUnavailableException('stock cannot be asked now');
    }
  }
}
