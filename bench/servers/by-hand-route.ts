/**
 * The same Nest route, protected as a careful developer would write it by hand: a guard with node:crypto and JSON.parse that checks the algorithm,
 * the type, the signature, issuer, audience, expiry and scope, and no more. `node --import ./scripts/typescript.mjs bench/servers/by-hand-route.ts
 * PORT KEYS`.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Module,
  createParamDecorator,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { SAMPLE } from '../sample/sample-request.ts';
import { ISSUER } from '../sample/sample-token.ts';
import { keySetFromFile, serve } from './serve.ts';

interface Claims {
  readonly iss?: unknown;
  readonly aud?: unknown;
  readonly exp?: unknown;
  readonly sub?: unknown;
  readonly scope?: unknown;
}

interface AuthorizedRequest {
  readonly headers: { readonly authorization?: string };
  claims?: Claims;
}

const keys = new Map<unknown, KeyObject>(
  keySetFromFile().keys.map((key) => [key['kid'], createPublicKey({ key, format: 'jwk' })]),
);

class OrdersReadGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthorizedRequest>();
    const claims = verifiedClaims(request.headers.authorization);
    if (typeof claims.scope !== 'string' || !claims.scope.split(' ').includes('orders:read'))
      throw new ForbiddenException();
    request.claims = claims;
    return true;
  }
}

function verifiedClaims(authorization = ''): Claims {
  const [header, payload, signature, rest] = authorization.replace(/^Bearer /i, '').split('.');
  if (header === undefined || payload === undefined || signature === undefined || rest !== undefined)
    throw new UnauthorizedException();
  const { typ, alg, kid } = decode(header) as { typ?: unknown; alg?: unknown; kid?: unknown };
  const key = keys.get(kid);
  if (typ !== 'at+jwt' || alg !== 'ES256' || key === undefined) throw new UnauthorizedException();
  const input = Buffer.from(`${header}.${payload}`);
  if (!verify('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
    throw new UnauthorizedException();
  const claims = decode(payload) as Claims;
  const { iss, aud, exp } = claims;
  if (iss !== ISSUER || aud !== SAMPLE.audience || typeof exp !== 'number' || exp <= Date.now() / 1000)
    throw new UnauthorizedException();
  return claims;
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    throw new UnauthorizedException();
  }
}

const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext): Claims | undefined =>
    context.switchToHttp().getRequest<AuthorizedRequest>().claims,
);

@Controller('orders')
class OrdersController {
  @Get()
  @UseGuards(OrdersReadGuard)
  list(@Caller() claims: Claims): object {
    return { subject: claims.sub, orders: [] };
  }
}

@Module({ controllers: [OrdersController] })
class OrdersModule {}

await serve(OrdersModule);
