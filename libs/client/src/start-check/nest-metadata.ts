/**
 * Where Nest and its optional packages keep what their decorators wrote. The optional packages are not imported: an application may have none of them,
 * and their keys have been the same since Nest 7.
 */
export { GUARDS_METADATA, METHOD_METADATA, MODULE_PATH, PATH_METADATA } from '@nestjs/common/constants.js';

/** `@MessagePattern()`, `@EventPattern()`, `@GrpcMethod()`: the kind, and the list of patterns. */
export const PATTERN_HANDLER = 'microservices:handler_type';
export const PATTERN = 'microservices:pattern';

/** `@WebSocketGateway()` and `@SubscribeMessage()`. */
export const GATEWAY = 'websockets:is_gateway';
export const MESSAGE_MAPPING = 'websockets:message_mapping';

/** `@Query()`, `@Mutation()`, `@Subscription()` or `@Resolver()`; `@ResolveField()`; `@ResolveReference()`. */
export const RESOLVER_TYPE = 'graphql:resolver_type';
export const RESOLVER_FIELD = 'graphql:resolve_property';
export const RESOLVER_REFERENCE = 'graphql:resolve_reference';
/** The token of the options that `GraphQLModule.forRoot` was given. */
export const GRAPHQL_OPTIONS = 'GqlModuleOptions';
