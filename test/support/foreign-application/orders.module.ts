import 'reflect-metadata';
import { Controller, Delete, Get, Injectable, Module, Param, Req, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import {
  Public,
  RequireRoles,
  RequireScopes,
  RequireTenant,
  Tenant,
  TesseraClientModule,
  TesseraTokens,
  TesseraVerifier,
  Token,
} from '@tessera/client';
import { tesseraStrategyOptions, TesseraStrategy } from '@tessera/client/passport';
import { isVerifiedToken, type VerifiedToken } from '@tessera/token';
import { Strategy } from 'passport-jwt';

const TESSERA = process.env['TESSERA_URL'] ?? 'https://tessera.example';

@Controller('orders')
@RequireTenant('acme')
export class OrdersController {
  @Get()
  @RequireScopes('orders:read')
  list(@Token() token: VerifiedToken, @Tenant() tenant: string) {
    const { subject, email, scopes } = token;
    return { subject, email, scopes, tenant, verified: isVerifiedToken(token) };
  }

  @Delete(':id')
  @RequireScopes('orders:delete')
  remove(@Param('id') id: string) {
    return { removed: id };
  }

  @Get('report')
  @RequireRoles('manager')
  report() {
    return { orders: 0 };
  }
}

@Controller()
export class OpenController {
  // Injected by its type, as in most applications: the compiler must find the class, not only its declaration.
  constructor(private readonly tokens: TesseraTokens) {}

  @Get('health')
  @Public()
  health() {
    return { status: 'ok' };
  }

  /** What Tessera says about the service's own token, which this call obtains from Tessera. */
  @Get('who-am-i')
  @Public()
  async whoAmI() {
    const answer = await fetch(`${TESSERA}/auth/user/profile`, { headers: await this.tokens.headers() });
    return (await answer.json()) as object;
  }
}

/** A strategy that the application had before, on passport-jwt. */
@Injectable()
export class OwnStrategy extends PassportStrategy(Strategy, 'own') {
  constructor(verifier: TesseraVerifier) {
    super(tesseraStrategyOptions(verifier));
  }

  validate({ sub }: { readonly sub: string }) {
    return { subject: sub };
  }
}

/** Guarded by passport instead of the module's own guard. */
@Controller('passport')
@UseGuards(AuthGuard('jwt'))
export class PassportController {
  @Get('tessera')
  @Public()
  tessera(@Req() { user }: { readonly user: VerifiedToken }) {
    return { subject: user.subject, verified: isVerifiedToken(user) };
  }
}

@Controller('passport')
@UseGuards(AuthGuard('own'))
export class OwnStrategyController {
  @Get('own')
  @Public()
  own(@Req() { user }: { readonly user: unknown }) {
    return user;
  }
}

/** A service of another team. The suite copies it into separate applications, so it imports packages only. */
@Module({
  imports: [
    TesseraClientModule.forRoot({
      baseUrl: TESSERA,
      tenants: 'all',
      audience: 'shop-api',
      tokens: {
        tenantId: 'acme',
        projectId: 'shop',
        clientId: 'web',
        emailId: 'ada@acme.example',
        secretId: () => process.env['TESSERA_SECRET'] ?? '',
      },
    }),
  ],
  controllers: [OrdersController, OpenController, PassportController, OwnStrategyController],
  providers: [TesseraStrategy, OwnStrategy],
})
export class OrdersModule {}
