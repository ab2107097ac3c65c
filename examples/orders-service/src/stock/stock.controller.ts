import { Controller, Get, NotFoundException, Param } from '@nestjs/common';
import { RequireScopes } from '@tessera/client';

/** In place of a database. */
const LEVELS = new Map([
  ['lamp', 40],
  ['chair', 3],
]);

@Controller('stock')
@RequireScopes('stock:read')
export class StockController {
  @Get(':article')
  level(@Param('article') article: string): { inStock: number } {
    const inStock = LEVELS.get(article);
    if (inStock === undefined) throw new NotFoundException();
    return { inStock };
  }
}
