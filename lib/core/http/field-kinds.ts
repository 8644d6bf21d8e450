import { memoised, type Memoised } from './memo.ts';

/** What a forwarder does with a field of a request, by its name. */
export type FieldKind =
  | 'pass'
  /** Belongs to one connection (RFC 9110 §7.6.1), or may not be forwarded at all. */
  | 'drop'
  /** Who the user is: from a client a forgery, from a gate of ours the truth. */
  | 'identity'
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
  'client-cert',
  'client-cert-chain',
  'x-forwarded-client-cert',
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

const kinds = new Map<string, FieldKind>([
  ...droppedFields.map((name) => [name, 'drop'] as const),
  ...identityFields.map((name) => [name, 'identity'] as const),
  ...claimFields.map((name) => [name, 'claim'] as const),
  ...treatedFields.map((name) => [name, name] as const),
  [':authority', 'host'],
]);

/**
 * The kind of a request field. Whatever is neither letter nor digit counts as a dash: CGI, WSGI and PHP
 * servers fold it into the same variable, so `X_Forwarded_User` and `X.Forwarded.User` would be ways
 * around the rules for `X-Forwarded-User`.
 */
export const fieldKind: Memoised<FieldKind> = memoised((name) => {
  const lower = name.toLowerCase();
  const known = kinds.get(lower);
  if (known !== undefined) return known;
  const folded = kinds.get(foldedName(lower));
  return folded === undefined ? 'pass' : folded === 'identity' ? folded : 'drop';
});

/**
 * Makes a name of an operator's choice one of those that say who the user is: from now on no route of this
 * process hands on a client's own copy of it. There is no way back, since a server behind goes on
 * believing the field.
 */
export function reserveIdentityField(name: string): void {
  kinds.set(foldedName(name.toLowerCase()), 'identity');
  fieldKind.forget();
}

function foldedName(lower: string): string {
  return lower.startsWith(':') ? lower : lower.replace(/[^a-z0-9]/g, '-');
}
