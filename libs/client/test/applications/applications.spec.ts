import { Controller, Get } from '@nestjs/common';
import {
  Context,
  Directive,
  Field,
  ID,
  ObjectType,
  Query,
  Resolver,
  ResolveReference,
  Subscription,
} from '@nestjs/graphql';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, RequireScopes, Tenant, Token, type VerifiedToken } from '../../src/index.ts';
import { bearerHeaders, tessera } from './application.ts';
import { startGateway } from './gateway-application.ts';
import { startGraphql } from './graphql-application.ts';
import { startHybrid, startMicroservice } from './microservice-application.ts';

/** The applications of this folder, with a good token each. Other specs build on them. */
const token = tessera.token({ subject: 'u-ada', scopes: ['orders:read'] });

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
  subject(@Token() { subject }: VerifiedToken): string {
    return subject;
  }

  @Query(() => Order)
  order(): Order {
    return new Order('1');
  }

  @ResolveReference()
  @Public()
  byReference({ id }: Order): Order {
    return new Order(id);
  }

  @Subscription(() => String)
  @Public()
  async *placed(@Context() context: object): AsyncGenerator<{ placed: string }> {
    await Promise.resolve();
    yield { placed: typeof context };
  }
}

@WebSocketGateway({ path: '/orders' })
class OrdersGateway {
  @SubscribeMessage('subject')
  subject(@Token() { subject }: VerifiedToken): unknown {
    return { event: 'subject', data: subject };
  }
}

@Controller()
class OrdersController {
  @MessagePattern('tenant')
  tenant(@Payload() { order }: { readonly order: string }, @Tenant() tenant: string): string {
    return `order ${order} of ${tenant}`;
  }

  @Get('tenant')
  ofRequest(@Tenant() tenant: string): string {
    return tenant;
  }
}

describe('the GraphQL application', () => {
  it.each([
    ['alone', false],
    ['as a subgraph', true],
  ])('answers queries and subscriptions, %s', async (_, federation) => {
    const graphql = await startGraphql({ providers: [OrdersResolver] }, { federation });
    expect(await graphql.ask('{ subject }', token)).toMatchObject({ status: 200, data: { subject: 'u-ada' } });
    expect((await graphql.ask('{ subject }')).errors).toHaveLength(1);
    expect(await graphql.subscribe('subscription { placed }')).toEqual({ data: { placed: 'object' } });
    const entities = await graphql.ask(
      '{ _entities(representations: [{__typename: "Order", id: "7"}]) { ... on Order { id } } }',
    );
    expect(entities.data).toEqual(federation ? { _entities: [{ id: '7' }] } : undefined);
    await graphql.close();
  });
});

describe('the WebSocket application', () => {
  it('answers messages', async () => {
    const gateway = await startGateway({
      providers: [OrdersGateway],
      options: { extractToken: (context) => context.getArgByIndex<{ token?: string }>(1).token },
    });
    const connection = await gateway.connect('/orders');
    expect(await connection.ask('subject', { token })).toEqual({ event: 'subject', data: 'u-ada' });
    expect((await connection.ask('subject', {})).event).toBe('exception');
    connection.close();
    await gateway.close();
  });
});

describe.each([
  ['microservice', startMicroservice],
  ['hybrid', startHybrid],
])('the %s application', (_, start) => {
  it('answers calls over TCP', async () => {
    const application = await start({
      controllers: [OrdersController],
      options: { extractToken: (context) => context.getArgByIndex<{ token?: string }>(0).token },
    });
    expect(await application.send('tenant', { order: '1', token })).toEqual({ result: 'order 1 of acme' });
    expect(await application.send('tenant', { order: '1' })).toHaveProperty('error');
    if ('port' in application) {
      const url = `http://127.0.0.1:${application.port}/tenant`;
      expect((await fetch(url)).status).toBe(401);
      expect(await (await fetch(url, { headers: bearerHeaders(token) })).text()).toBe('acme');
    }
    await application.close();
  });
});
