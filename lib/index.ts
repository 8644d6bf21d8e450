export {
  audit,
  AuditError,
  AuditReport,
  explain,
  type AuditOptions,
  type ChainEntry,
  type Explanation,
  type Finding,
  type Role,
  type Severity,
} from './audit/index.ts';
export {
  cache,
  memoryStore,
  redisStore,
  type Cache,
  type CacheCounters,
  type CacheOptions,
  type CacheRecord,
  type CacheStats,
  type CacheStore,
  type ClearTarget,
  type Entry,
  type Epoch,
  type HeuristicsOptions,
  type IndexEntry,
  type MemoryStore,
  type MemoryStoreOptions,
  type RedisStoreOptions,
  type StoreStats,
  type VaryRecord,
} from './cache/index.ts';
export {
  authGate,
  type Allow,
  type AuthenticatedUser,
  type AuthGate,
  type AuthGateOptions,
  type Authorizer,
  type BasicOptions,
  type BearerOptions,
  type ClaimValue,
  type ForwardCacheOptions,
  type ForwardOptions,
  type IdentityHeadersOptions,
  type LockoutOptions,
  type RefusedCredentials,
  type RequestAuth,
} from './auth-gate/index.ts';
export { balancedProxy, type BalancedProxyOptions } from './balanced-proxy/index.ts';
export {
  errorPages,
  type ErrorPage,
  type ErrorPagesOptions,
  type PageKey,
  type Problem,
} from './error-pages/index.ts';
export { httpsRedirect, type HttpsRedirectOptions } from './https-redirect/index.ts';
export {
  prefixRouter,
  type PrefixRouter,
  type RouteOptions,
  type Routes,
  type RouteValue,
} from './prefix-router/index.ts';
export { securityHeaders, type SecurityHeadersOptions } from './security-headers/index.ts';

export { attach } from './core/server/attach.ts';
export { serve, type ServeOptions, type ServeTimeouts, type Serving } from './core/server/serve.ts';
export type {
  CertificateOptions,
  ClientCertificateOptions,
  RedirectFromOptions,
  ServeTlsOptions,
} from './core/server/tls-options.ts';

export { upstream, type ServerSnapshot, type Upstream } from './core/upstream/upstream.ts';
export type { BalanceOption } from './core/upstream/balancing/index.ts';
export type {
  CustomDiscovery,
  DiscoverOptions,
  DnsDiscovery,
} from './core/upstream/discover-options.ts';
export type { EjectionOptions } from './core/upstream/ejection-options.ts';
export type { Forwarder } from './core/upstream/forward.ts';
export type {
  DynamicTarget,
  FieldChanges,
  ForwardedOption,
  ForwarderOptions,
  ForwardHooks,
  PathRewrite,
  RequestDraft,
  ResponseDraft,
  StaticTarget,
  Target,
} from './core/upstream/forward-options.ts';
export type { HealthCheckOptions } from './core/upstream/health-options.ts';
export type { HpmPlugin, HpmTarget } from './core/upstream/hpm.ts';
export type {
  ConnectionOptions,
  PoolOptions,
  RetryOptions,
  TimeoutOptions,
} from './core/upstream/pool-options.ts';
export type { ServerInput, ServerOptions } from './core/upstream/server-input.ts';
export type { HealthState, ServerState } from './core/upstream/server.ts';
export type { StickyOptions } from './core/upstream/sticky.ts';
export type { TlsOptions } from './core/upstream/tls-options.ts';

export {
  OptionsError,
  ProxyError,
  type ErrorCode,
  type ErrorSource,
  type ErrorStage,
  type ProxyErrorInit,
} from './core/errors.ts';
export type { Events, ServerEvent } from './core/events.ts';
export type { FieldList } from './core/http/fields.ts';
export type { Duration, Size } from './core/options.ts';
export type { Outcome, Transaction } from './core/transaction.ts';
