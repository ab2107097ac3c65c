import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Req,
  ServiceUnavailableException,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import { Strategy } from 'passport-jwt';
import { generateKeyPairSync } from 'node:crypto';
import { createVerifier, isVerifiedToken, TokenError, type VerifiedToken } from '@tessera/token';
import { BEARER_FORMS } from '../../../token/test/bearer-forms.ts';
import { forge, signer } from '../../../token/test/forge.ts';
import { TESSERA_CLIENT_OPTIONS, TesseraClientModule, TesseraVerifier } from '../index.ts';
import { tesseraStrategyOptions, TesseraStrategy } from '../passport.ts';
import { TestTessera } from '../testing.ts';

@Controller('orders')
@UseGuards(AuthGuard('jwt'))
class OrdersController {
  @Get()
  list(@Req() { user }: { readonly user: Record<string, unknown> }) {
    return { subject: user['subject'] ?? user['sub'], verified: isVerifiedToken(user) };
  }
}

/** What an application may have had before: everything but the constructor stays. */
@Injectable()
class OwnStrategy extends PassportStrategy(Strategy) {
  constructor(@Inject(TesseraVerifier) verifier: TesseraVerifier) {
    super(tesseraStrategyOptions(verifier));
  }

  validate({ sub }: { readonly sub: string }) {
    return { sub };
  }
}

@Injectable()
class KnownUsersStrategy extends TesseraStrategy {
  override validate(token: VerifiedToken): unknown {
    if (token.subject === 'u-broken') throw new Error('the list of users cannot be read');
    return token.subject === 'u-ada' ? { subject: 'Ada' } : undefined;
  }
}

const tessera = new TestTessera({ audience: 'shop-api' });
let app: NestFastifyApplication;

async function start(strategy: Type, options: object = tessera.clientOptions): Promise<void> {
  @Module({
    imports: [TesseraClientModule.forRoot({ ...tessera.clientOptions, guard: 'manual' })],
    controllers: [OrdersController],
    providers: [strategy],
  })
  class OrdersModule {}
  const module = await Test.createTestingModule({ imports: [OrdersModule] })
    .overrideProvider(TESSERA_CLIENT_OPTIONS)
    .useValue(options)
    .compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  app.useLogger(false);
  await app.listen(0, '127.0.0.1');
}
afterEach(() => app.close());

async function ask(token: string | undefined) {
  const { port } = app.getHttpServer().address() as AddressInfo;
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${port}/orders`, { headers });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const UNREACHABLE = { baseUrl: 'http://127.0.0.1:9', tenants: 'all', audience: 'shop-api' } as const;
/** Of a tenant whose keys nobody has yet. */
const tokenOfUnreachable = () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { claims } = decode(tessera.token());
  return forge({
    header: { typ: 'at+jwt', alg: 'ES256', kid: 'k' },
    payload: { ...claims, iss: `${UNREACHABLE.baseUrl}/tenants/acme` },
    sign: signer(privateKey),
  });
};
const decode = (token: string) => ({
  claims: JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>,
});

const FORMS = [
  ['TesseraStrategy', TesseraStrategy, true],
  ['a JwtStrategy of its own with tesseraStrategyOptions', OwnStrategy, false],
] as const;

describe.each(FORMS)('an application with AuthGuard and %s', (_name, strategy, isVerified) => {
  it('lets in a good token and names its subject', async () => {
    await start(strategy);
    expect(await ask(tessera.token({ subject: 'u-ada' }))).toEqual({
      status: 200,
      body: { subject: 'u-ada', verified: isVerified },
    });
  });

  it.each([
    ['a forged one', () => tessera.forgedToken()],
    ['an expired one', () => tessera.token({ ttlSeconds: -60 })],
    ['one of an administrator', () => tessera.token({ surface: 'admin' })],
    ['one for another audience', () => tessera.token({ audience: 'stock-api' })],
    ['one with another alphabet at its end', () => `${tessera.token().slice(0, -1)}+`],
    ['no token at all', () => undefined],
    [
      'a revoked one',
      () => {
        const token = tessera.token();
        tessera.revoke(token);
        return token;
      },
    ],
  ])('answers 401 to %s', async (_kind, make) => {
    await start(strategy);
    expect((await ask(make())).status).toBe(401);
    expect((await ask(tessera.token())).status).toBe(200);
  });

  it('accepts a token within the skew of the verifier', async () => {
    await start(strategy);
    expect((await ask(tessera.token({ ttlSeconds: -10 }))).status).toBe(200);
  });

  it('answers 401 to tokens of an issuer that is not trusted, without a request', async () => {
    await start(strategy);
    expect((await ask(tokenOfUnreachable())).status).toBe(401);
  });
});

describe('a bearer', () => {
  it.each(BEARER_FORMS.filter(({ headers }) => headers('t').length === 1))(
    'in the form "$name" is read by the rule of the guard (accepted: $accepted)',
    async ({ headers, accepted }) => {
      for (const strategy of [TesseraStrategy, OwnStrategy]) {
        await start(strategy);
        const [header = ''] = headers(tessera.token());
        const { port } = app.getHttpServer().address() as AddressInfo;
        const answer = await fetch(`http://127.0.0.1:${port}/orders`, { headers: { authorization: header } });
        expect(answer.status).toBe(accepted ? 200 : 401);
        if (strategy === TesseraStrategy) await app.close();
      }
    },
  );
});

describe('while nothing can be said about a token', () => {
  it('TesseraStrategy answers 503', async () => {
    await start(TesseraStrategy, UNREACHABLE);
    expect(await ask(tokenOfUnreachable())).toEqual({
      status: 503,
      body: { type: 'about:blank', title: 'Service Unavailable', status: 503, error: 'temporarily_unavailable' },
    });
  });

  it("TesseraStrategy sets Retry-After where the request knows its response, as Express's does", async () => {
    await start(TesseraStrategy, UNREACHABLE);
    const headers: Record<string, string> = {};
    const error = await new Promise((resolve) => {
      const request = {
        headers: { authorization: `Bearer ${tokenOfUnreachable()}` },
        res: { setHeader: (name: string, value: string) => (headers[name] = value) },
      };
      Object.assign(Object.create(app.get(TesseraStrategy)) as TesseraStrategy, { error: resolve }).authenticate(
        request,
      );
    });
    expect(error).toBeInstanceOf(ServiceUnavailableException);
    expect((error as Error).cause).toBeInstanceOf(TokenError);
    expect(Object.keys(error as Error)).not.toContain('cause');
    expect(headers['Retry-After']).toMatch(/^[1-9]\d*$/);
  });

  it('the options form answers 401, which is what passport-jwt makes of it', async () => {
    await start(OwnStrategy, UNREACHABLE);
    expect((await ask(tokenOfUnreachable())).status).toBe(401);
  });
});

describe('a strategy that extends TesseraStrategy', () => {
  beforeEach(() => start(KnownUsersStrategy));

  it('makes a user of the token', async () => {
    expect((await ask(tessera.token({ subject: 'u-ada' }))).body).toMatchObject({ subject: 'Ada' });
  });

  it('answers 401 when it finds none', async () => {
    expect((await ask(tessera.token({ subject: 'u-eve' }))).status).toBe(401);
  });

  it('answers 500 when it fails', async () => {
    expect((await ask(tessera.token({ subject: 'u-broken' }))).status).toBe(500);
  });
});

it('accepts a token of an EdDSA key with TesseraStrategy, and refuses it with the options form', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const issuer = 'https://tessera.example/tenants/acme';
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'ed', alg: 'EdDSA' }] };
  const options = { issuers: [{ issuer, jwks }], audience: 'shop-api', revocations: 'off' } as const;
  const token = forge({
    header: { typ: 'at+jwt', alg: 'EdDSA', kid: 'ed' },
    payload: { ...decode(tessera.token()).claims, iss: issuer },
    sign: signer(privateKey),
  });
  expect((await createVerifier(options).verify(token)).keyId).toBe('ed');
  await start(OwnStrategy, options);
  expect((await ask(token)).status).toBe(401);
  await app.close();
  await start(TesseraStrategy, options);
  expect((await ask(token)).status).toBe(200);
});
