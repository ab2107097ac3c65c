import { ApiProperty } from '@nestjs/swagger';
import { VERSION } from '../config/version.ts';

/** The response of a surface's health route. */
export class SurfaceHealth {
  @ApiProperty({ type: String, enum: ['healthy'], example: 'healthy' })
  readonly status: string = 'healthy';

  @ApiProperty({ type: String, example: 'tessera' })
  readonly service: string = 'tessera';

  @ApiProperty({ type: String, example: '1.0.0' })
  readonly version: string = VERSION;
}

export const SURFACE_HEALTH: SurfaceHealth = Object.freeze(new SurfaceHealth());
