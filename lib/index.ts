export {
  accessLog,
  type AccessLog,
  type AccessLogOptions,
  type FieldChoice,
  type FieldMaker,
  type FieldName,
  type LineMaker,
  type LineTaker,
  type Logger,
  type LogStream,
  type RequestIdOptions,
  type SecretName,
} from './access-log/index.ts';
export { anonymizer, type AnonymizerOptions } from './anonymizer/index.ts';
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
  dashboard,
  type ChainFinding,
  type ChainLayer,
  type ChainReader,
  type ChainReport,
  type ClearableCache,
  type Dashboard,
  type DashboardOptions,
} from './dashboard/index.ts';
export {
  egressGuard,
  type BeaconingOptions,
  type DestinationsOptions,
  type EgressAction,
  type EgressAlert,
  type EgressGuard,
  type EgressGuardOptions,
  type EgressPattern,
  type EgressRule,
  type FileType,
  type FileTypesOptions,
  type InspectionOptions,
  type PatternsOptions,
  type SecretKind,
  type Severity as AlertSeverity,
  type VolumeOptions,
  type VolumeWindowOptions,
} from './egress-guard/index.ts';
export {
  errorPages,
  type ErrorPage,
  type ErrorPagesOptions,
  type PageKey,
  type Problem,
} from './error-pages/index.ts';
export {
  checkDestination,
  forwardProxy,
  proxyPac,
  type CheckDestinationOptions,
  type ClientPredicate,
  type ClientsOption,
  type DestinationCheck,
  type DestinationOptions,
  type ForwardProxy,
  type ForwardProxyOptions,
  type ProxyPacOptions,
  type TunnelOptions,
} from './forward-proxy/index.ts';
export { httpsRedirect, type HttpsRedirectOptions } from './https-redirect/index.ts';
export { metrics, type Metrics, type MetricsOptions } from './metrics/index.ts';
export {
  prefixRouter,
  type PrefixRouter,
  type RouteOptions,
  type Routes,
  type RouteValue,
} from './prefix-router/index.ts';
export { securityHeaders, type SecurityHeadersOptions } from './security-headers/index.ts';
export {
  urlFilter,
  type BlockedRequest,
  type BlockPage,
  type BlockPageOptions,
  type Day,
  type GroupOptions,
  type ListFormat,
  type ListOptions,
  type ListTier,
  type NormalizeOptions,
  type PathDoubt,
  type PatternParts,
  type PolicyOptions,
  type Schedule,
  type TimeWindow,
  type UrlFilter,
  type UrlFilterOptions,
  type UrlPattern,
} from './url-filter/index.ts';
export {
  virusScanner,
  type ClamdOptions,
  type EngineState,
  type EngineStatus,
  type VirusScanner,
  type VirusScannerOptions,
} from './virus-scanner/index.ts';

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
export type {
  AuthOutcome,
  EgressOutcome,
  FilterOutcome,
  GivenUpAttempt,
  Outcome,
  ScanOutcome,
  TlsFacts,
  Transaction,
} from './core/transaction.ts';
