import { Controller, Get, HttpCode, NotFoundException, Param, Post } from '@nestjs/common';
import { RequireActor, RequireScopes, RequireSurface } from '@tessera/client';

/** In place of a database. */
const LEVELS = new Map([
  ['lamp', 40],
  ['chair', 3],
]);

@Controller('stock')
export class StockController {
  /** For customers, through the service orders: it acts for them with an exchanged token. */
  @Get(':article')
  @RequireScopes('stock:read')
  @RequireActor('shop/orders')
  level(@Param('article') article: string): { inStock: number } {
    return { inStock: levelOf(article) };
  }

  /** For services in their own name. No customer can have such a token. */
  @Post(':article/returns')
  @HttpCode(204)
  @RequireScopes('stock:write')
  @RequireSurface('service')
  takeBack(@Param('article') article: string): void {
    LEVELS.set(article, levelOf(article) + 1);
  }
}

function levelOf(article: string): number {
  const level = LEVELS.get(article);
  if (level === undefined) throw new NotFoundException();
  return level;
}
