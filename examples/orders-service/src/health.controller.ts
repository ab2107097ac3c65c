import { Controller, Get } from '@nestjs/common';
import { Public } from '@tessera/client';

/** For whoever watches the process, and has no token. Every route that does not say `@Public()` is closed. */
@Controller('health')
@Public()
export class HealthController {
  @Get()
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }
}
