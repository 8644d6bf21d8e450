import { memoised } from './memo.ts';

/** What a forwarder does with a field of a request, by its name. */
export type FieldKind =
  | 'pass'
  /** Belongs to one connection (RFC 9110 §7.6.1), or may not be forwarded at all. */
  | 'drop'
  /** Says something of the client or the way that only a proxy in front can know. */
  | 'claim'
  | 'host'
  | 'connection'
  | 'content-length'
  | 'transfer-encoding'
  | 'te'
  | 'expect'
  | 'max-forwards'
  | 'via'
  | 'forwarded'
  | 'x-forwarded-for'
  | 'x-forwarded-host'
  | 'x-forwarded-port'
  | 'x-forwarded-prefix'
  | 'x-forwarded-proto';

/**
 * Who the user is, as gates tell servers behind. A client's own copy is a forgery, so it goes
 * nowhere, on no route.
 */
const identityFields = [
  'remote-user',
  'x-remote-user',
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-groups',
  'x-forwarded-preferred-username',
  'x-forwarded-access-token',
  'x-auth-request-user',
  'x-auth-request-email',
  'x-auth-request-groups',
  'x-auth-request-preferred-username',
  'x-auth-request-access-token',
  'x-sekisho-assertion',
];

/** What other proxies and CDNs say in fields of their own; servers behind believe it, whoever has sent it. */
const claimFields = [
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-forwarded-for',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'x-forwarded',
  'forwarded-for',
  'x-forwarded-by',
  'x-forwarded-scheme',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-url-scheme',
  'front-end-https',
  'x-host',
  'x-original-host',
  'x-original-url',
  'x-rewrite-url',
];

/** `Proxy` becomes HTTP_PROXY in CGI programs ("httpoxy", CVE-2016-5385). */
const droppedFields = [
  'keep-alive',
  'proxy',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'upgrade',
  'http2-settings',
  ':method',
  ':path',
  ':scheme',
  ':status',
];

const treatedFields = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'te',
  'expect',
  'max-forwards',
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
] as const satisfies FieldKind[];

const kinds: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ...[...identityFields, ...droppedFields].map((name) => [name, 'drop'] as const),
  ...claimFields.map((name) => [name, 'claim'] as const),
  ...treatedFields.map((name) => [name, name] as const),
  [':authority', 'host'],
]);

/**
 * The kind of a request field. Underscores count as dashes: CGI and WSGI servers fold both into
 * the same variable, so `X_Forwarded_User` would be a way around the rules for `X-Forwarded-User`.
 */
export const fieldKind: (name: string) => FieldKind = memoised((name) => {
  const lower = name.toLowerCase();
  const folded = lower.includes('_') && kinds.has(lower.replaceAll('_', '-'));
  return kinds.get(lower) ?? (folded ? 'drop' : 'pass');
});
