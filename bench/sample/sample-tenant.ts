import { SAMPLE } from './sample-request.ts';
import { Tessera } from '../harness/tessera.ts';
import { tenantsFile } from './tenants-file.ts';

/** Tessera on embedded stores with the tenant of the sample request, not yet started. */
export async function provisionSample(folder: string): Promise<Tessera> {
  const tessera = await Tessera.in(folder);
  const user = { id: SAMPLE.userId, email: SAMPLE.email };
  await tessera.apply(tenantsFile([{ id: SAMPLE.tenant, database: { driver: 'sqlite' }, users: [user] }]));
  return tessera;
}
