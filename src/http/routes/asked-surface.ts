import { TesseraError } from '../../errors/tessera-error.ts';
import { type Surface, SURFACES } from '../../domain/surface.ts';

/**
 * What the parameter `surface` asks for, on routes of neither. An admin token is let in only where somebody asked for one in so many words: a gateway that guards a service for
 * users must not pass administrators by accident.
 *
 * @throws TesseraError invalid_request
 */
export function askedSurface(value: string | undefined): Surface {
  const asked = value ?? 'user';
  const surface = SURFACES.find((known) => known === asked);
  if (surface === undefined)
    throw new TesseraError('invalid_request', 'surface is not one of the two', { detail: 'surface: admin or user' });
  return surface;
}
