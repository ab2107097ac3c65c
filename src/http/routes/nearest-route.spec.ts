import { NearestRoute } from './nearest-route.ts';
import { ROUTE_TABLE } from './route-table.ts';

describe('the nearest route', () => {
  const nearest = new NearestRoute(ROUTE_TABLE);

  it('of two equally near ones is the one with the method of the request', () => {
    const routes = new NearestRoute([
      { method: 'GET', path: '/items', access: 'public', kind: 'api' },
      { method: 'POST', path: '/itemz', access: 'public', kind: 'api' },
    ]);
    expect(routes.find('GET', '/itemx')).toBe('GET /items');
    expect(routes.find('POST', '/itemx')).toBe('POST /itemz');
  });

  it('is never a file of the page below /docs', () => {
    expect(nearest.find('GET', '/docs/swagger-ui-init.jss')).toBeUndefined();
  });

  it('contains nothing of the path', () => {
    expect(nearest.find('GET', '/tenants/canary/jwks')).toBe('GET /tenants/{tenantId}/jwks.json');
  });

  it('is not looked for among paths that are too long to compare', () => {
    expect(nearest.find('GET', `/tenants/${'a'.repeat(200)}/jwks`)).toBeUndefined();
  });
});
