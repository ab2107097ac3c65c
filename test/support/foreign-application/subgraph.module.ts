import 'reflect-metadata';
import { ApolloFederationDriver, type ApolloFederationDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import {
  Directive,
  Field,
  GraphQLModule,
  ID,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
  ResolveReference,
} from '@nestjs/graphql';
import { Public, RequireScopes, Tenant, Token } from '@tessera/client';
import type { VerifiedToken } from '@tessera/token';

@ObjectType()
@Directive('@key(fields: "id")')
export class Order {
  @Field(() => ID)
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

@Resolver(() => Order)
export class OrdersResolver {
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
  @RequireScopes('orders:delete')
  margin(): string {
    return 'none of your business';
  }

  @ResolveReference()
  @RequireScopes('orders:read')
  byReference(@Tenant() tenant: string): Order {
    return new Order(tenant);
  }
}

/** A subgraph of Apollo Federation, code first. */
@Module({
  imports: [
    GraphQLModule.forRoot<ApolloFederationDriverConfig>({
      driver: ApolloFederationDriver,
      autoSchemaFile: { federation: 2 },
      fieldResolverEnhancers: ['guards'],
      graphiql: false,
    }),
  ],
  providers: [OrdersResolver],
})
export class SubgraphModule {}
