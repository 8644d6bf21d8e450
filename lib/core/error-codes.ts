/** Whose fault a failure is: the first of the two questions a proxy asks of an error. */
export type ErrorSource = 'client' | 'upstream' | 'proxy' | 'policy';

/** Where on a request's way it happened. */
export type ErrorStage =
  'request' | 'route' | 'pick' | 'resolve' | 'connect' | 'send' | 'headers' | 'body' | 'upgrade';

/** Every way a request can fail inside sekisho. Codes are public and stable. */
export type ErrorCode =
  | 'ERR_SEKISHO_BAD_REQUEST'
  | 'ERR_SEKISHO_BAD_FRAMING'
  | 'ERR_SEKISHO_BAD_HOST'
  | 'ERR_SEKISHO_BAD_PATH'
  | 'ERR_SEKISHO_LOOP'
  | 'ERR_SEKISHO_CLIENT_ABORTED'
  | 'ERR_SEKISHO_CLIENT_TIMEOUT'
  | 'ERR_SEKISHO_UPGRADE_REFUSED'
  | 'ERR_SEKISHO_BODY_CONSUMED'
  | 'ERR_SEKISHO_TARGET'
  | 'ERR_SEKISHO_HOOK'
  | 'ERR_SEKISHO_SHUTTING_DOWN'
  | 'ERR_SEKISHO_AUTH_REQUIRED'
  | 'ERR_SEKISHO_PROXY_AUTH_REQUIRED'
  | 'ERR_SEKISHO_AUTH_DENIED'
  | 'ERR_SEKISHO_AUTH_LOCKED'
  | 'ERR_SEKISHO_AUTH_UNAVAILABLE'
  | 'ERR_SEKISHO_LOGIN_FAILED'
  | 'ERR_SEKISHO_NOT_CACHED'
  | 'ERR_SEKISHO_PURGE_DENIED'
  | 'ERR_SEKISHO_UNGUARDED'
  | 'ERR_SEKISHO_FORGED_ACTION'
  | 'ERR_SEKISHO_NOT_A_PROXY'
  | 'ERR_SEKISHO_PROXY_DENIED'
  | 'ERR_SEKISHO_DESTINATION_DENIED'
  | 'ERR_SEKISHO_TUNNEL_LIMIT'
  | 'ERR_SEKISHO_URL_DENIED'
  | 'ERR_SEKISHO_FILTER_UNAVAILABLE'
  | 'ERR_SEKISHO_INFECTED'
  | 'ERR_SEKISHO_UNSCANNABLE'
  | 'ERR_SEKISHO_SCAN_OVERSIZE'
  | 'ERR_SEKISHO_SCAN_UNAVAILABLE'
  | 'ERR_SEKISHO_EGRESS_BLOCKED'
  | 'ERR_SEKISHO_NO_SERVER'
  | 'ERR_SEKISHO_STICKY_LOST'
  | 'ERR_SEKISHO_QUEUE_FULL'
  | 'ERR_SEKISHO_QUEUE_TIMEOUT'
  | 'ERR_SEKISHO_DNS'
  | 'ERR_SEKISHO_CONNECT_REFUSED'
  | 'ERR_SEKISHO_CONNECT_TIMEOUT'
  | 'ERR_SEKISHO_TLS'
  | 'ERR_SEKISHO_UPSTREAM_RESET'
  | 'ERR_SEKISHO_UPSTREAM_PROTOCOL'
  | 'ERR_SEKISHO_HEADERS_TIMEOUT'
  | 'ERR_SEKISHO_IDLE_TIMEOUT'
  | 'ERR_SEKISHO_TOTAL_TIMEOUT'
  | 'ERR_SEKISHO_TRUNCATED';

export interface ErrorKind {
  readonly status: number;
  readonly source: ErrorSource;
  readonly stage: ErrorStage;
  /** Nothing of the request can have been executed, so another server may be asked. */
  readonly retryable: boolean;
  /** The RFC 9209 §2.3 error type for `Proxy-Status`. */
  readonly proxyStatus: string;
  /** What the client is told; says nothing about the inside. */
  readonly title: string;
}

function kind(
  status: number,
  source: ErrorSource,
  stage: ErrorStage,
  retryable: boolean,
  proxyStatus: string,
  title: string,
): ErrorKind {
  return { status, source, stage, retryable, proxyStatus, title };
}

/** What each code means. */
// prettier-ignore
export const errorKinds: Readonly<Record<ErrorCode, ErrorKind>> = {
  ERR_SEKISHO_BAD_REQUEST: kind(400, 'client', 'request', false, 'http_request_error', 'The request is malformed'),
  ERR_SEKISHO_BAD_FRAMING: kind(400, 'client', 'request', false, 'http_request_error', 'The length of the request is ambiguous'),
  ERR_SEKISHO_BAD_HOST: kind(400, 'client', 'request', false, 'http_request_error', 'The Host of the request is missing, malformed or ambiguous'),
  ERR_SEKISHO_BAD_PATH: kind(400, 'client', 'route', false, 'http_request_error', 'The path of the request is malformed or ambiguous'),
  ERR_SEKISHO_LOOP: kind(508, 'client', 'route', false, 'proxy_loop_detected', 'The request has come back to a proxy it already passed'),
  ERR_SEKISHO_CLIENT_ABORTED: kind(499, 'client', 'body', false, 'http_request_error', 'The client went away'),
  ERR_SEKISHO_CLIENT_TIMEOUT: kind(408, 'client', 'send', false, 'http_request_error', 'The request body did not arrive in time'),
  ERR_SEKISHO_UPGRADE_REFUSED: kind(501, 'client', 'upgrade', false, 'http_request_denied', 'Upgrades are not accepted here'),
  ERR_SEKISHO_BODY_CONSUMED: kind(500, 'proxy', 'send', false, 'proxy_internal_error', 'The request body was consumed before it could be forwarded'),
  ERR_SEKISHO_TARGET: kind(500, 'proxy', 'pick', false, 'proxy_configuration_error', 'The proxy could not tell where to send the request'),
  ERR_SEKISHO_HOOK: kind(500, 'proxy', 'request', false, 'proxy_internal_error', 'A hook of this proxy failed'),
  ERR_SEKISHO_SHUTTING_DOWN: kind(503, 'proxy', 'request', true, 'proxy_internal_error', 'The proxy is shutting down'),
  ERR_SEKISHO_AUTH_REQUIRED: kind(401, 'client', 'request', false, 'http_request_denied', 'Authentication is required'),
  ERR_SEKISHO_PROXY_AUTH_REQUIRED: kind(407, 'client', 'request', false, 'http_request_denied', 'Authentication to the proxy is required'),
  ERR_SEKISHO_AUTH_DENIED: kind(403, 'policy', 'request', false, 'http_request_denied', 'This user is not allowed here'),
  ERR_SEKISHO_AUTH_LOCKED: kind(429, 'policy', 'request', false, 'http_request_denied', 'Too many failed attempts, try again later'),
  ERR_SEKISHO_AUTH_UNAVAILABLE: kind(503, 'proxy', 'request', false, 'proxy_internal_error', 'The credentials cannot be checked at the moment'),
  ERR_SEKISHO_LOGIN_FAILED: kind(400, 'client', 'request', false, 'http_request_denied', 'The login could not be completed, please begin it again'),
  ERR_SEKISHO_NOT_CACHED: kind(504, 'client', 'route', false, 'http_request_denied', 'The request wants a stored answer, and there is none'),
  ERR_SEKISHO_PURGE_DENIED: kind(403, 'policy', 'route', false, 'http_request_denied', 'Stored answers are not cleared for this client'),
  ERR_SEKISHO_UNGUARDED: kind(403, 'policy', 'request', false, 'http_request_denied', 'This page is not available'),
  ERR_SEKISHO_FORGED_ACTION: kind(403, 'policy', 'request', false, 'http_request_denied', 'The action was not asked for by the page it belongs to, please reload it'),
  ERR_SEKISHO_NOT_A_PROXY: kind(421, 'client', 'route', false, 'http_request_denied', 'This server is no proxy for that destination'),
  ERR_SEKISHO_PROXY_DENIED: kind(403, 'policy', 'route', false, 'http_request_denied', 'This client may not use the proxy'),
  ERR_SEKISHO_DESTINATION_DENIED: kind(403, 'policy', 'resolve', false, 'destination_ip_prohibited', 'The proxy does not go to this destination'),
  ERR_SEKISHO_TUNNEL_LIMIT: kind(429, 'policy', 'connect', false, 'connection_limit_reached', 'Too many tunnels are open'),
  ERR_SEKISHO_URL_DENIED: kind(403, 'policy', 'route', false, 'http_request_denied', 'This address is blocked by policy'),
  ERR_SEKISHO_FILTER_UNAVAILABLE: kind(503, 'proxy', 'route', false, 'proxy_internal_error', 'The policy cannot be checked at the moment'),
  ERR_SEKISHO_INFECTED: kind(403, 'policy', 'body', false, 'http_request_denied', 'The content was blocked, the virus scanner found something in it'),
  ERR_SEKISHO_UNSCANNABLE: kind(403, 'policy', 'body', false, 'http_request_denied', 'The content was blocked, it cannot be scanned for viruses'),
  ERR_SEKISHO_SCAN_OVERSIZE: kind(403, 'policy', 'body', false, 'http_request_denied', 'The content was blocked, it is too large to be scanned for viruses'),
  ERR_SEKISHO_SCAN_UNAVAILABLE: kind(503, 'proxy', 'body', false, 'proxy_internal_error', 'The content cannot be scanned for viruses at the moment'),
  ERR_SEKISHO_EGRESS_BLOCKED: kind(403, 'policy', 'route', false, 'http_request_denied', 'The transfer was blocked by policy'),
  ERR_SEKISHO_NO_SERVER: kind(503, 'upstream', 'pick', true, 'destination_unavailable', 'No server is available'),
  ERR_SEKISHO_STICKY_LOST: kind(503, 'upstream', 'pick', true, 'destination_unavailable', 'The server of this session is not available'),
  ERR_SEKISHO_QUEUE_FULL: kind(503, 'upstream', 'pick', true, 'connection_limit_reached', 'All servers are busy'),
  ERR_SEKISHO_QUEUE_TIMEOUT: kind(503, 'upstream', 'pick', true, 'connection_limit_reached', 'All servers stayed busy'),
  ERR_SEKISHO_DNS: kind(502, 'upstream', 'resolve', true, 'dns_error', 'The server could not be found'),
  ERR_SEKISHO_CONNECT_REFUSED: kind(502, 'upstream', 'connect', true, 'connection_refused', 'The server could not be reached'),
  ERR_SEKISHO_CONNECT_TIMEOUT: kind(504, 'upstream', 'connect', true, 'connection_timeout', 'The server could not be reached in time'),
  ERR_SEKISHO_TLS: kind(502, 'upstream', 'connect', true, 'tls_protocol_error', 'No secure connection to the server could be made'),
  ERR_SEKISHO_UPSTREAM_RESET: kind(502, 'upstream', 'headers', false, 'connection_terminated', 'The server closed the connection without an answer'),
  ERR_SEKISHO_UPSTREAM_PROTOCOL: kind(502, 'upstream', 'headers', false, 'http_protocol_error', 'The server gave an answer that breaks HTTP'),
  ERR_SEKISHO_HEADERS_TIMEOUT: kind(504, 'upstream', 'headers', false, 'http_response_timeout', 'The server did not answer in time'),
  ERR_SEKISHO_IDLE_TIMEOUT: kind(504, 'upstream', 'body', false, 'http_response_timeout', 'The server stopped in the middle of its answer'),
  ERR_SEKISHO_TOTAL_TIMEOUT: kind(504, 'upstream', 'body', false, 'http_response_timeout', 'The exchange took too long'),
  ERR_SEKISHO_TRUNCATED: kind(502, 'upstream', 'body', false, 'http_response_incomplete', 'The answer of the server ended early'),
};

/** All codes, e.g. for a table of them in docs or a dashboard. */
export const errorCodes: readonly ErrorCode[] = Object.keys(errorKinds) as ErrorCode[];
