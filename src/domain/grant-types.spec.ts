import { GRANT_FORMS } from '../cli/explain/explained-grant.ts';
import { authorizationServerMetadata } from '../keys/documents/metadata.ts';
import { OfferedGrants } from '../token-endpoint/offered-grants.ts';
import { TokenFormDto } from '../token-endpoint/token-form.dto.ts';
import { ClientCredentialsGrant } from '../token-grants/grants/client-credentials/client-credentials.grant.ts';
import { JwtBearerGrant } from '../token-grants/grants/jwt-bearer/jwt-bearer.grant.ts';
import { TokenExchangeGrant } from '../token-grants/grants/token-exchange/token-exchange.grant.ts';
import { GRANT_TYPES } from './grant-types.ts';

const SERVICE = { publicUrl: 'https://tessera.example', apiDocs: true };
/** Where @nestjs/swagger keeps what ApiProperty states. */
const API_PROPERTY = 'swagger/apiModelProperties';
/** Nothing is authenticated here. */
const unused = undefined as never;
const offered = new OfferedGrants(
  new ClientCredentialsGrant(unused),
  new TokenExchangeGrant(SERVICE, unused, unused),
  new JwtBearerGrant(SERVICE, unused, unused, unused),
);

describe('the token endpoint', () => {
  it.each(Object.entries(GRANT_TYPES))('offers %s', (name, type) => {
    expect(offered.of(new Map([['grant_type', type]]))).toMatchObject({ name, type });
  });

  it.each(['', 'password', 'refresh_token', 'authorization_code', 'token-exchange', 'toString'])(
    'does not offer "%s"',
    (type) => {
      expect(offered.of(new Map([['grant_type', type]])).type).toBeUndefined();
    },
  );

  it('has the grants of the metadata, of the API document and of explain', () => {
    const types = Object.values(GRANT_TYPES);
    expect(authorizationServerMetadata(SERVICE, 'acme')).toMatchObject({ grant_types_supported: types });
    expect(Reflect.getMetadata(API_PROPERTY, TokenFormDto.prototype, 'grant_type')).toMatchObject({
      enum: types,
    });
    expect(Object.keys(GRANT_FORMS)).toEqual(Object.keys(GRANT_TYPES));
  });
});
