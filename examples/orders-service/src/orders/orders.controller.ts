import { Controller, Delete, Get, HttpCode, NotFoundException, Param } from '@nestjs/common';
import { BearerToken, RequireRoles, RequireScopes, Token, type VerifiedToken } from '@tessera/client';
import { StockClient } from './stock.client.ts';

interface Order {
  readonly id: string;
  /** The subject of the customer's tokens. */
  readonly customer: string;
  readonly article: string;
}

/** In place of a database. */
const ORDERS = new Map<string, Order>([
  ['o-1', { id: 'o-1', customer: 'u-ada', article: 'lamp' }],
  ['o-2', { id: 'o-2', customer: 'u-bob', article: 'chair' }],
]);

@Controller('orders')
export class OrdersController {
  constructor(private readonly stock: StockClient) {}

  @Get(':id')
  @RequireScopes('orders:read')
  async show(
    @Param('id') id: string,
    @Token() token: VerifiedToken,
    @BearerToken() bearer: string,
  ): Promise<Order & { inStock: number }> {
    const order = ORDERS.get(id);
    // A scope permits an action, not access to other customers' data. Another customer's order is a 404, like an unknown one.
    if (order?.customer !== token.subject) throw new NotFoundException();
    return { ...order, inStock: await this.stock.level(order.article, bearer) };
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireRoles('manager')
  async cancel(@Param('id') id: string): Promise<void> {
    const order = ORDERS.get(id);
    if (order === undefined) throw new NotFoundException();
    await this.stock.takeBack(order.article);
    ORDERS.delete(id);
  }
}
