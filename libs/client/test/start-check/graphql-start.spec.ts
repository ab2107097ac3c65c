import { UseGuards } from '@nestjs/common';
import {
  Directive,
  Field,
  ID,
  InterfaceType,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
  ResolveReference,
} from '@nestjs/graphql';
import { AuthGuard } from '@nestjs/passport';
import { Public, RequireScopes, RequireTenantParam, Tenant, TesseraGuard } from '../../src/index.ts';
import { type ApplicationParts, tessera } from '../applications/application.ts';
import { type GraphqlApplication, startGraphql } from '../applications/graphql-application.ts';
import { refusalOfStart } from '../applications/http-application.ts';

const ENTITY = '{ _entities(representations: [{__typename: "Sample", id: "7"}]) { ... on Sample { id } } }';
const mend = (kind: string) =>
  `GraphQL asks no guard before a ${kind} resolver, so anybody may call it: add 'guards' to fieldResolverEnhancers in the options of GraphQLModule, or put @Public() on it`;

@ObjectType()
@Directive('@key(fields: "id")')
class Sample {
  @Field(() => ID)
  readonly id: string;

  constructor(id = '1') {
    this.id = id;
  }
}

@Resolver(() => Sample)
class Queries {
  @Query(() => Sample)
  sample(): Sample {
    return new Sample();
  }
}

@Resolver(() => Sample)
class WithField {
  @ResolveField(() => String)
  @RequireScopes('margin:read')
  margin(): string {
    return '40 %';
  }
}

@Resolver(() => Sample)
class WithReference {
  @ResolveReference()
  byReference({ id }: Sample): Sample {
    return new Sample(id);
  }
}

let graphql: GraphqlApplication | undefined;
afterEach(async () => {
  await graphql?.close();
  graphql = undefined;
});

async function start(resolver: ApplicationParts['providers'], ...options: Parameters<typeof startGraphql>[1][]) {
  return (graphql = await startGraphql({ providers: [Queries, ...(resolver ?? [])] }, ...options));
}

const refused = (resolver: new () => object, parts: ApplicationParts = {}) =>
  refusalOfStart(startGraphql({ ...parts, providers: [Queries, resolver] }, { federation: true }));

describe('without guards in fieldResolverEnhancers', () => {
  it('the start stops at a field with a requirement, of its own or of its class', async () => {
    @Resolver(() => Sample)
    @RequireScopes('margin:read')
    class OfClass {
      @ResolveField(() => String)
      margin(): string {
        return '40 %';
      }
    }
    expect(await refused(WithField)).toBe(`WithField.margin: ${mend('field')}`);
    expect(await refused(OfClass)).toBe(`OfClass.margin: ${mend('field')}`);
  });

  it('the start stops at a field that has a TesseraGuard of its own', async () => {
    @Resolver(() => Sample)
    class Guarded {
      @ResolveField(() => String)
      @UseGuards(TesseraGuard)
      margin(): string {
        return '40 %';
      }
    }
    expect(await refused(Guarded, { extras: { guard: 'manual' } })).toBe(`Guarded.margin: ${mend('field')}`);
  });

  it('the start stops at a reference with a requirement or with nothing', async () => {
    @Resolver(() => Sample)
    class Required {
      @ResolveReference()
      @RequireScopes('sample:read')
      byReference({ id }: Sample): Sample {
        return new Sample(id);
      }
    }
    expect(await refused(WithReference)).toBe(`WithReference.byReference: ${mend('reference')}`);
    expect(await refused(Required)).toBe(`Required.byReference: ${mend('reference')}`);
  });

  it("the start stops at a reference with nothing also with guard: 'manual', beside a guarded query", async () => {
    @Resolver(() => Sample)
    class Guarded extends WithReference {
      @Query(() => String)
      @UseGuards(TesseraGuard)
      name(): string {
        return 'sample';
      }
    }
    const parts: ApplicationParts = { providers: [Queries, Guarded], extras: { guard: 'manual' } };
    expect(await refused(Guarded, { extras: { guard: 'manual' } })).toBe(`Guarded.byReference: ${mend('reference')}`);
    const withGuards = startGraphql(parts, { federation: true, fieldResolverEnhancers: ['guards'] });
    expect(await refusalOfStart(withGuards)).toBe(
      'Guarded.byReference: no TesseraGuard is asked before this handler, so it would be open: put @UseGuards(TesseraGuard) on the method or its class, or @Public() if another guard is asked before it',
    );
  });

  it("a reference with another guard starts with guard: 'manual', which is asked", async () => {
    @Resolver(() => Sample)
    @UseGuards(AuthGuard('nobody'))
    class Guarded extends WithReference {}
    graphql = await startGraphql(
      { providers: [Queries, Guarded], extras: { guard: 'manual' } },
      { federation: true, fieldResolverEnhancers: ['guards'] },
    );
    expect((await graphql.ask(ENTITY)).errors).toHaveLength(1);
  });

  it('a field without a requirement starts, and so does a public reference', async () => {
    @Resolver(() => Sample)
    class Open {
      @ResolveField(() => String)
      color(): string {
        return 'red';
      }

      @ResolveReference()
      @Public()
      byReference({ id }: Sample): Sample {
        return new Sample(id);
      }
    }
    const app = await start([Open], { federation: true });
    expect((await app.ask(ENTITY)).data).toEqual({ _entities: [{ id: '7' }] });
    expect((await app.ask('{ sample { color } }')).errors).toHaveLength(1);
    expect((await app.ask('{ sample { color } }', tessera.token())).data).toEqual({ sample: { color: 'red' } });
  });
});

describe('with guards in fieldResolverEnhancers', () => {
  it('a requirement on a field is asked for', async () => {
    const app = await start([WithField], { fieldResolverEnhancers: ['guards'] });
    expect((await app.ask('{ sample { id } }', tessera.token())).data).toEqual({ sample: { id: '1' } });
    const answer = await app.ask('{ sample { id margin } }', tessera.token());
    expect([answer.data, answer.errors?.map(({ path }) => path)]).toEqual([null, [['sample', 'margin']]]);
    const good = tessera.token({ scopes: ['margin:read'] });
    expect((await app.ask('{ sample { margin } }', good)).data).toEqual({ sample: { margin: '40 %' } });
  });

  it('a reference is closed', async () => {
    const app = await start([WithReference], { fieldResolverEnhancers: ['guards'], federation: true });
    for (const token of [undefined, tessera.forgedToken()])
      expect((await app.ask(ENTITY, token)).data ?? undefined).not.toEqual({ _entities: [{ id: '7' }] });
    expect((await app.ask(ENTITY, tessera.token())).data).toEqual({ _entities: [{ id: '7' }] });
  });
});

it('answers @Tenant() in a resolver without a guard with an internal error that names nothing', async () => {
  @Resolver()
  class Orders {
    @Query(() => String)
    orders(@Tenant() tenant: string): string {
      return `orders of ${tenant}`;
    }
  }
  graphql = await startGraphql({ providers: [Orders], extras: { guard: 'manual' } });
  const { data, errors = [] } = await graphql.ask('{ orders }', tessera.token());
  expect([data, errors.map(({ message }) => message)]).toEqual([null, ['Internal Server Error']]);
});

describe('the start of a GraphQL application', () => {
  it('stops at an override without the requirements of its method', async () => {
    class Base {
      @Query(() => String)
      @RequireScopes('orders:read')
      orders(): string {
        return 'in';
      }
    }
    @Resolver()
    class Orders extends Base {
      @Query(() => String)
      override orders(): string {
        return 'in';
      }
    }
    expect(await refused(Orders)).toMatch(/^Orders\.orders: overrides Base\.orders without the requirements/);
  });

  it('stops at a requirement without a guard', async () => {
    @Resolver()
    class Orders {
      @Mutation(() => String)
      @RequireScopes('orders:write')
      place(): string {
        return 'in';
      }
    }
    expect(await refused(Orders, { extras: { guard: 'manual' } })).toBe(
      'Orders.place: no TesseraGuard is asked before this handler, so its requirements would be skipped: put @UseGuards(TesseraGuard) on the method or its class',
    );
  });

  it('stops at a parameter of a path', async () => {
    @Resolver()
    class Orders {
      @Query(() => String)
      @RequireTenantParam('tenantId')
      orders(): string {
        return 'in';
      }
    }
    expect(await refused(Orders)).toMatch(/^Orders\.orders: @RequireTenantParam names a parameter .*@RequireTenant$/);
  });

  it('stops at a requirement on __resolveType', async () => {
    @InterfaceType()
    abstract class Item {
      @Field(() => ID)
      id = '1';
    }
    @Resolver(() => Item)
    class Items {
      @ResolveField()
      @RequireScopes('items:read')
      __resolveType(): string {
        return 'Sample';
      }
    }
    expect(await refused(Items)).toBe(
      'Items.__resolveType: GraphQL asks no guard before __resolveType: remove what is required from it',
    );
  });
});
