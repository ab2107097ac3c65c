import { Controller, type ExecutionContext, Get } from '@nestjs/common';
import {
  Directive,
  Field,
  ID,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
  ResolveReference,
  Subscription,
} from '@nestjs/graphql';
import { MessagePattern } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, RequireScopes, type TesseraClientOptions, Token, type VerifiedToken } from '../../src/index.ts';
import { bearerHeaders } from '../applications/application.ts';
import { startGateway } from '../applications/gateway-application.ts';
import { type GraphqlAnswer, startGraphql } from '../applications/graphql-application.ts';
import { startHybrid } from '../applications/microservice-application.ts';

/** Every handler of this file requires the scope `orders:read` and returns the subject of the token. */
@ObjectType()
@Directive('@key(fields: "id")')
class Order {
  @Field(() => ID)
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

@Resolver(() => Order)
class OrdersResolver {
  @Query(() => String)
  @RequireScopes('orders:read')
  subject(@Token() token: VerifiedToken): string {
    return token.subject;
  }

  @Query(() => Order)
  @Public()
  order(): Order {
    return new Order('1');
  }

  @ResolveField(() => String)
  @RequireScopes('orders:read')
  reader(@Token() token: VerifiedToken): string {
    return token.subject;
  }

  @ResolveReference()
  @RequireScopes('orders:read')
  byReference(@Token() token: VerifiedToken): Order {
    return new Order(token.subject);
  }

  @Subscription(() => String)
  @RequireScopes('orders:read')
  async *placed(@Token() token: VerifiedToken): AsyncGenerator<{ placed: string }> {
    await Promise.resolve();
    yield { placed: token.subject };
  }
}

@WebSocketGateway({ path: '/orders' })
class OrdersGateway {
  @SubscribeMessage('subject')
  @RequireScopes('orders:read')
  subject(@Token() token: VerifiedToken): unknown {
    return { event: 'subject', data: token.subject };
  }
}

@Controller()
class OrdersController {
  @Get('subject')
  @RequireScopes('orders:read')
  ofRequest(@Token() token: VerifiedToken): string {
    return token.subject;
  }

  @MessagePattern('subject')
  @RequireScopes('orders:read')
  ofMessage(@Token() token: VerifiedToken): string {
    return token.subject;
  }
}

/** Where a service of a team with several transports finds the token of what is no HTTP request. */
function extractToken(context: ExecutionContext): string | undefined {
  switch (context.getType<string>()) {
    case 'graphql':
      return context.getArgByIndex<{ req: { connectionParams?: { token?: string } } }>(2).req.connectionParams?.token;
    case 'ws':
      return context.getArgByIndex<{ token?: string }>(1).token;
    case 'rpc':
      return context.getArgByIndex<{ token?: string }>(0).token;
    default:
      throw new Error('asked for the token of an HTTP request');
  }
}

export interface CallOutcome {
  /** What the handler returned. */
  readonly result?: unknown;
  /** What the caller got instead, as it came over the wire. */
  readonly refusal?: unknown;
}

/** One way to call a guarded handler. */
export interface GuardedCall {
  readonly transport: 'HTTP' | 'GraphQL' | 'WebSocket' | 'rpc';
  readonly name: string;
  /** In a header, only some characters can be sent. */
  readonly tokenIn: 'header' | 'message';
  readonly call: (token?: string) => Promise<CallOutcome>;
}

export interface TransportApplications {
  readonly calls: readonly GuardedCall[];
  readonly close: () => Promise<void>;
}

/** The names of the calls, for the tables of tests: the applications start later. */
export const CALL_NAMES = [
  'a request',
  'a query',
  'a field resolver',
  'a reference resolver',
  'a subscription, by the header of its connection',
  'a subscription, by its connection parameters',
  'a message to a gateway',
  'a call of a microservice',
] as const;

/** Starts an application of each transport with the same options. */
export async function startTransports(
  options: Partial<TesseraClientOptions>,
  { includeStacktraceInErrorResponses = false } = {},
): Promise<TransportApplications> {
  const shared = { options: { ...options, extractToken } };
  const resolvers = { ...shared, providers: [OrdersResolver] };
  const graphqlOptions = {
    federation: true,
    fieldResolverEnhancers: ['guards' as const],
    includeStacktraceInErrorResponses,
  };
  const subgraph = await startGraphql(resolvers, graphqlOptions);
  const upgraded = await startGraphql(resolvers, {
    ...graphqlOptions,
    context: (source: { readonly extra?: { readonly request: object } }) =>
      source.extra === undefined ? undefined : { req: source.extra.request },
  });
  const gateway = await startGateway({ ...shared, providers: [OrdersGateway] });
  const connection = await gateway.connect('/orders');
  const hybrid = await startHybrid({ ...shared, controllers: [OrdersController] });

  const entities =
    '{ _entities(representations: [{ __typename: "Order", id: "1" }]) { __typename ... on Order { id } } }';
  const subscription = 'subscription { placed }';
  const graphql = { transport: 'GraphQL', tokenIn: 'header' } as const;
  const calls: readonly GuardedCall[] = [
    {
      transport: 'HTTP',
      name: 'a request',
      tokenIn: 'header',
      call: async (token) => {
        const response = await fetch(`http://127.0.0.1:${hybrid.port}/subject`, { headers: bearerHeaders(token) });
        if (response.status === 200) return { result: await response.text() };
        const headers = Object.fromEntries(
          ['content-type', 'retry-after', 'www-authenticate']
            .filter((name) => response.headers.has(name))
            .map((name) => [name, response.headers.get(name)]),
        );
        return { refusal: { status: response.status, headers, body: await response.json() } };
      },
    },
    {
      ...graphql,
      name: 'a query',
      call: async (token) => graphqlOutcome(await subgraph.ask('{ subject }', token), ({ subject }) => subject),
    },
    {
      ...graphql,
      name: 'a field resolver',
      call: async (token) =>
        graphqlOutcome(
          await subgraph.ask('{ order { reader } }', token),
          ({ order }) => (order as { readonly reader: unknown }).reader,
        ),
    },
    {
      ...graphql,
      name: 'a reference resolver',
      call: async (token) =>
        graphqlOutcome(
          await subgraph.ask(entities, token),
          ({ _entities: found }) => (found as readonly { readonly id: unknown }[])[0]?.id,
        ),
    },
    {
      ...graphql,
      name: 'a subscription, by the header of its connection',
      call: async (token) =>
        graphqlOutcome(
          await upgraded.subscribe(subscription, token === undefined ? {} : { header: `Bearer ${token}` }),
          ({ placed }) => placed,
        ),
    },
    {
      ...graphql,
      tokenIn: 'message',
      name: 'a subscription, by its connection parameters',
      call: async (token) =>
        graphqlOutcome(
          await subgraph.subscribe(subscription, { connectionParams: token === undefined ? {} : { token } }),
          ({ placed }) => placed,
        ),
    },
    {
      transport: 'WebSocket',
      tokenIn: 'message',
      name: 'a message to a gateway',
      call: async (token) => {
        const message = await connection.ask('subject', { token });
        return message.event === 'subject' ? { result: message.data } : { refusal: message };
      },
    },
    {
      transport: 'rpc',
      tokenIn: 'message',
      name: 'a call of a microservice',
      call: async (token) => {
        const answer = await hybrid.send('subject', { token });
        return 'result' in answer ? { result: answer.result } : { refusal: answer.error };
      },
    },
  ];
  return {
    calls,
    close: async () => {
      connection.close();
      for (const application of [subgraph, upgraded, gateway, hybrid]) await application.close();
    },
  };
}

/** Of a refusal everything but where in the query it happened. */
function graphqlOutcome(
  { data, errors }: Pick<GraphqlAnswer, 'data' | 'errors'>,
  resultOf: (data: Record<string, unknown>) => unknown,
): CallOutcome {
  if (errors === undefined) return { result: resultOf(data ?? {}) };
  return { refusal: errors.map(({ message, extensions }) => ({ message, extensions })) };
}
