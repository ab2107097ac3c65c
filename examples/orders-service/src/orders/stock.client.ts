import { BadGatewayException, Inject, Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { TesseraTokens } from '@tessera/client';

/** Where stock is, and the audience of the tokens that it accepts. */
export interface StockSettings {
  readonly url: string;
  readonly audience: string;
}
export const STOCK = Symbol('STOCK');

/** How a call gets its token, and how it gets another one after a 401. */
interface CallTokens {
  readonly get: () => Promise<{ readonly accessToken: string }>;
  readonly invalidate: () => void;
}

/** Calls the service stock. The customer's own token is for orders only and is never sent there. */
@Injectable()
export class StockClient {
  private readonly logger = new Logger(StockClient.name);

  constructor(
    private readonly tokens: TesseraTokens,
    @Inject(STOCK) private readonly stock: StockSettings,
  ) {}

  /** For the customer who called: their token is exchanged for one that names the customer and this service. */
  async level(article: string, bearer: string): Promise<number> {
    const target = { audience: this.stock.audience };
    const answer = await this.call('GET', encodeURIComponent(article), {
      get: () => this.tokens.exchange(bearer, target),
      invalidate: () => {
        this.tokens.invalidateExchanged(bearer, target);
      },
    });
    const { inStock } = (await answer.json()) as { inStock: number };
    return inStock;
  }

  /** In the name of this service: what a cancelled order held can be sold again, whoever cancelled it. */
  async takeBack(article: string): Promise<void> {
    const target = { audience: this.stock.audience };
    await this.call('POST', `${encodeURIComponent(article)}/returns`, {
      get: () => this.tokens.get(target),
      invalidate: () => {
        this.tokens.invalidate(target);
      },
    });
  }

  private async call(method: string, path: string, tokens: CallTokens): Promise<Response> {
    let answer = await this.ask(method, path, tokens);
    if (answer.status === 401) {
      // The cached token is no longer valid, perhaps because it was revoked. Try once with a new one.
      tokens.invalidate();
      answer = await this.ask(method, path, tokens);
    }
    if (!answer.ok) throw new BadGatewayException(`stock answered ${answer.status}`);
    return answer;
  }

  private async ask(method: string, path: string, tokens: CallTokens): Promise<Response> {
    try {
      const { accessToken } = await tokens.get();
      return await fetch(`${this.stock.url}/stock/${path}`, {
        method,
        headers: { authorization: `Bearer ${accessToken}` },
        signal: AbortSignal.timeout(2_000),
      });
    } catch (error) {
      // A TokenRequestError, which is safe to log, or stock does not answer. The caller gets no details of either.
      this.logger.error(error);
      throw new ServiceUnavailableException('stock cannot be asked now');
    }
  }
}
