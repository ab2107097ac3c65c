import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { VerifiedToken } from '@tessera/token';
import { TesseraGuard, Token } from '../../src/index.ts';
import { tessera } from '../applications/application.ts';
import { type GatewayApplication, type GatewayConnection, startGateway } from '../applications/gateway-application.ts';

/** Several messages of one WebSocket connection are handled at the same time. Each has its own token, whatever its data is. */
let arrived: (() => void)[] = [];

/** Lets a message go on when the guard has accepted two. */
@Injectable()
class AfterBothGuards implements NestInterceptor {
  async intercept(_: ExecutionContext, next: CallHandler): Promise<ReturnType<CallHandler['handle']>> {
    await new Promise<void>((resolve) => {
      arrived.push(resolve);
      if (arrived.length === 2) for (const release of arrived.splice(0)) release();
    });
    return next.handle();
  }
}

interface Message {
  readonly event: string;
  readonly data: unknown;
}

@WebSocketGateway({ path: '/subjects' })
class SubjectsGateway {
  @SubscribeMessage('subject')
  @UseInterceptors(AfterBothGuards)
  subject(@Token() token: VerifiedToken): Message {
    return { event: 'subject', data: token.subject };
  }

  @SubscribeMessage('data')
  data(@MessageBody() data: unknown, @Token() token: VerifiedToken): Message {
    return { event: 'data', data: [data, token.subject] };
  }

  @SubscribeMessage('twice')
  @UseGuards(TesseraGuard)
  twice(@Token() token: VerifiedToken): Message {
    return { event: 'twice', data: token.subject };
  }

  @SubscribeMessage('undecorated')
  undecorated(_client: unknown, data: unknown): Message {
    return { event: 'undecorated', data };
  }
}

/** A token as the data of a message, or as a member of it. */
function tokenIn(context: ExecutionContext): string | undefined {
  const data: unknown = context.getArgByIndex(1);
  return typeof data === 'string' ? data : (data as { token?: string } | undefined)?.token;
}

let application: GatewayApplication;
let connection: GatewayConnection;
beforeAll(async () => {
  application = await startGateway({ providers: [SubjectsGateway], options: { extractToken: tokenIn } });
});
afterAll(() => application.close());
beforeEach(async () => {
  arrived = [];
  connection = await application.connect('/subjects');
});
afterEach(() => {
  connection.close();
});

const ada = tessera.token({ subject: 'u-ada' });
const bob = tessera.token({ subject: 'u-bob' });

it.each([
  ['texts', ada, bob],
  ['objects', { token: ada }, { token: bob }],
])('two messages in flight with %s as data have their own tokens', async (_, one, other) => {
  const answers = await Promise.all([connection.ask('subject', one), connection.ask('subject', other)]);
  expect(answers.map(({ data }) => data).sort()).toEqual(['u-ada', 'u-bob']);
});

it('the data arrives as it was sent', async () => {
  expect(await connection.ask('data', ada)).toEqual({ event: 'data', data: [ada, 'u-ada'] });
  expect(await connection.ask('undecorated', ada)).toEqual({ event: 'undecorated', data: ada });
});

it('two guards on one handler agree about the token', async () => {
  expect(await connection.ask('twice', bob)).toEqual({ event: 'twice', data: 'u-bob' });
});
