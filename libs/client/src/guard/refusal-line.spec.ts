import { Logger, UnauthorizedException } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Test } from '@nestjs/testing';
import { createVerifier, TokenError } from '@tessera/token';
import { trustedIssuersOf } from '@tessera/token/core';
import { TestTessera } from '../testing.ts';
import { refusalLine } from './refusal-line.ts';
import { TesseraGuard } from './tessera.guard.ts';
import { TesseraClientModule } from '../tessera-client.module.ts';

const tessera = new TestTessera();
const untrusted = new TokenError('TOKEN_ISSUER_UNTRUSTED', 'iss is not a trusted issuer');
const local = createVerifier({
  baseUrl: 'http://localhost:3000',
  tenants: 'all',
  audience: 'shop-api',
  revocations: 'off',
});
const lineFor = (issuer: unknown, verifier = local) =>
  refusalLine(untrusted, tessera.token({ claims: { iss: issuer } }), verifier);

describe('the line about a refused token', () => {
  it('names the issuer of the token and the trusted ones', () => {
    expect(lineFor('http://127.0.0.1:3000/tenants/acme')).toBe(
      'TOKEN_ISSUER_UNTRUSTED: iss is not a trusted issuer: the token names "http://127.0.0.1:3000/tenants/acme"; trusted: "http://localhost:3000/tenants/*"',
    );
  });

  it('names no issuer for any other reason', () => {
    const expired = new TokenError('TOKEN_EXPIRED', 'exp has passed', { claim: 'exp' });
    expect(refusalLine(expired, tessera.token(), local)).toBe('TOKEN_EXPIRED: exp has passed');
  });

  it.each([
    ['a line break', 'x\n[Nest] LOG accepted', '"x\\n[Nest] LOG accepted"'],
    ['a terminal sequence', '\u001b[2J\u009b2J', '"\\u001b[2J\\u009b2J"'],
    ['text that turns the direction', 'a\u202eb\u2028', '"a\\u202eb\\u2028"'],
    ['a quote', 'a"; trusted: "b', '"a\\"; trusted: \\"b"'],
    ['half a character', '\ud83d', '"\\ud83d"'],
    ['a number', 5, 'no issuer'],
  ])('shows %s in the issuer without its effect', (_, issuer, shown) => {
    expect(lineFor(issuer)).toContain(`the token names ${shown}; trusted`);
  });

  it('shortens a long issuer', () => {
    const line = lineFor(`https://${'a'.repeat(3_000)}`);
    expect(line.length).toBeLessThan(400);
    expect(line).toContain(' (shortened); trusted');
  });

  it('names ten of many trusted issuers', () => {
    const tenants = Array.from({ length: 1_000 }, (_, index) => `t${index}`);
    const many = createVerifier({ baseUrl: 'https://tessera.example', tenants, audience: 'x', revocations: 'off' });
    const line = lineFor('https://other.example', many);
    expect(line).toMatch(/"https:\/\/tessera\.example\/tenants\/t9" and 990 more$/);
    expect(line).not.toContain('/t10"');
  });

  it('names the token only, if the verifier does not say what it trusts', () => {
    const double = {
      verify: () => Promise.reject(untrusted),
      hydrate: () => Promise.resolve(),
      close: () => undefined,
    };
    expect(trustedIssuersOf(double)).toEqual([]);
    expect(lineFor('https://other.example', double)).toMatch(/the token names "https:\/\/other\.example"$/);
  });
});

it('the guard writes it at debug, and TokenError stays without the issuer', async () => {
  const lines: unknown[] = [];
  const ignore = () => undefined;
  const options = {
    baseUrl: 'http://localhost:3000',
    tenants: 'all',
    audience: 'shop-api',
    revocations: 'off',
  } as const;
  const module = await Test.createTestingModule({ imports: [TesseraClientModule.forRoot(options)] }).compile();
  const guard = module.get(TesseraGuard);
  // A testing module has set its own.
  Logger.overrideLogger({ log: ignore, warn: ignore, error: ignore, debug: (line: unknown) => lines.push(line) });
  const request = {
    headers: { authorization: `Bearer ${tessera.token({ issuer: 'http://127.0.0.1:3000/tenants/acme' })}` },
  };
  class Orders {
    list = () => undefined;
  }
  const context = new ExecutionContextHost([request, { setHeader: ignore }], Orders, () => undefined);
  const refused: unknown = await guard.canActivate(context).catch((error: unknown) => error);
  Logger.overrideLogger(false);
  await module.close();
  expect(lines).toEqual([expect.stringContaining('the token names "http://127.0.0.1:3000/tenants/acme"; trusted:')]);
  expect(refused).toBeInstanceOf(UnauthorizedException);
  const { cause } = refused as { readonly cause: TokenError };
  expect(JSON.stringify([cause, cause.message, cause.reason])).not.toContain('127.0.0.1');
});
