import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { ApolloDriver, type ApolloDriverConfig, ApolloFederationDriver } from '@nestjs/apollo';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { GraphQLModule } from '@nestjs/graphql';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'undici';
import { type ApplicationParts, bearerHeaders, createFastifyApplication, listen } from './application.ts';

export interface GraphqlAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly GraphqlErrorAnswer[];
}

/** An error as the caller reads it. */
export interface GraphqlErrorAnswer {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Record<string, unknown>;
}

export interface GraphqlApplication {
  readonly app: NestFastifyApplication;
  readonly port: number;
  /** Sends a query or mutation over HTTP. */
  readonly ask: (query: string, token?: string, variables?: Record<string, unknown>) => Promise<GraphqlAnswer>;
  /** Subscribes over graphql-ws, waits for the first event and ends the subscription. */
  readonly subscribe: (
    query: string,
    authentication?: { readonly header?: string; readonly connectionParams?: Record<string, unknown> },
  ) => Promise<Pick<GraphqlAnswer, 'data' | 'errors'>>;
  readonly close: () => Promise<void>;
}

/** A code-first GraphQL application: Apollo on Fastify, with graphql-ws for subscriptions. The resolvers are among the providers. */
export async function startGraphql(
  parts: ApplicationParts,
  {
    federation = false,
    ...config
  }: Partial<ApolloDriverConfig> & {
    /** As a subgraph of Apollo Federation 2. */
    readonly federation?: boolean;
  } = {},
): Promise<GraphqlApplication> {
  const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: federation ? ApolloFederationDriver : ApolloDriver,
    autoSchemaFile: federation ? { federation: 2 } : true,
    subscriptions: { 'graphql-ws': true },
    graphiql: false,
    // Apollo writes to the console that a subgraph traces.
    plugins: federation ? [ApolloServerPluginInlineTraceDisabled()] : [],
    ...config,
  });
  const app = await createFastifyApplication({ ...parts, imports: [graphql, ...(parts.imports ?? [])] });
  const port = await listen(app);
  return {
    app,
    port,
    ask: async (query, token, variables) => {
      const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearerHeaders(token) },
        body: JSON.stringify({ query, variables }),
      });
      const body = (await response.json()) as Pick<GraphqlAnswer, 'data' | 'errors'>;
      return { status: response.status, headers: response.headers, ...body };
    },
    subscribe: (query, authentication) => subscribeOnce(port, query, authentication),
    close: () => app.close(),
  };
}

async function subscribeOnce(
  port: number,
  query: string,
  { header, connectionParams }: Parameters<GraphqlApplication['subscribe']>[1] = {},
): Promise<Pick<GraphqlAnswer, 'data' | 'errors'>> {
  class WebSocketWithHeader extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, { protocols: protocol, headers: header === undefined ? {} : { authorization: header } });
    }
  }
  const client = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: WebSocketWithHeader,
    retryAttempts: 0,
    ...(connectionParams === undefined ? {} : { connectionParams }),
  });
  try {
    for await (const result of client.iterate({ query })) return result as Pick<GraphqlAnswer, 'data' | 'errors'>;
    throw new Error('the subscription ended without an event');
  } catch (error) {
    // graphql-ws throws the list of errors of a subscription that was refused.
    if (Array.isArray(error)) return { errors: error as GraphqlErrorAnswer[] };
    throw error;
  } finally {
    await client.dispose();
  }
}
