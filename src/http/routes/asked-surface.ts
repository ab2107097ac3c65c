import { TesseraError } from '../../errors/tessera-error.ts';
import { type Surface, SURFACES } from '../../domain/surface.ts';

/**
 * Parses the query parameter `surface`, on routes that belong to neither surface. The default is `user`. Admin tokens are accepted only with
 * `?surface=admin`: a gateway for a user service must not let administrators through by accident.
 *
 * @throws TesseraError invalid_request
 */
export function askedSurface(value: string | undefined): Surface {
  const asked = value ?? 'user';
  const surface = SURFACES.find((known) => known === asked);
  if (surface === undefined)
    throw new TesseraError('invalid_request', 'surface is not one of the three', {
      detail: 'surface must be admin, user or service.',
    });
  return surface;
}
