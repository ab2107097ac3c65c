import { Controller, Get } from '@nestjs/common';
import { Public } from '@tessera/client';

/** For probes, which have no token. Every route without `@Public()` is closed. */
@Controller('health')
@Public()
export class HealthController {
  @Get()
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }
}
