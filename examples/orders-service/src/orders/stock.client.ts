import { BadGatewayException, Inject, Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { TesseraTokens } from '@tessera/client';

export const STOCK_URL = Symbol('STOCK_URL');

/** Calls the service stock with a token of this service. The caller's token is for orders only and is never forwarded. */
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
      // The cached token is no longer valid, perhaps because it was revoked. Try once with a new one.
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
      // A TokenRequestError, which is safe to log, or stock does not answer. The caller gets no details of either.
      this.logger.error(error);
      throw new ServiceUnavailableException('stock cannot be asked now');
    }
  }
}
