import { BEARER_FORMS } from '../../test/bearer-forms.ts';
import { readBearer } from './bearer.ts';

const TOKEN = 'eyJ0eXAi-_.e30.c2ln';

describe('readBearer', () => {
  it.each(BEARER_FORMS.filter(({ accepted }) => accepted))('reads $name', ({ headers }) => {
    expect(readBearer(headers(TOKEN))).toEqual({ kind: 'token', token: TOKEN });
  });

  // Padding is part of the alphabet (RFC 6750, section 2.1). The strict form of the token refuses it later.
  it.each(BEARER_FORMS.filter(({ accepted, name }) => !accepted && name !== 'padding'))(
    'reads no token from $name',
    ({ headers }) => {
      const { length } = headers(TOKEN);
      expect(readBearer(headers(TOKEN)).kind).toBe(length === 0 ? 'none' : length > 1 ? 'several' : 'malformed');
    },
  );

  it.each(['Bearer x ', ' Bearer x', 'Bearer x\n', 'Bearer x\0', 'Bearer x\r\nBearer y'])(
    'reads no token from %j, even if an HTTP server lets that value through',
    (header) => {
      expect(readBearer([header]).kind).toBe('malformed');
    },
  );
});
