import { plainAddress } from '../core/http/forwarded.ts';
import type { Transaction } from '../core/transaction.ts';
import { maskUrl } from './mask.ts';
import type { IsSecret } from './secret-names.ts';

type Reader<Value> = (record: Transaction, isSecret: IsSecret) => Value | undefined;

/** How a field is read from the record, and what it is; undefined values are left out of the line. */
export type Field =
  /** A text that comes again and again. */
  | { readonly kind: 'text'; readonly read: Reader<string> }
  /** One that is another for each request. */
  | { readonly kind: 'free'; readonly read: Reader<string> }
  | { readonly kind: 'count'; readonly read: Reader<number> }
  | { readonly kind: 'millis'; readonly read: Reader<number> }
  | { readonly kind: 'value'; readonly read: Reader<object> };

/** What every request has. */
const request = {
  id: free((record) => record.id),
  client: text(({ client }) => client && plainAddress(client)),
  user: text(({ user }) => user),
  method: text(({ method }) => method),
  scheme: text(({ scheme }) => scheme),
  host: text(({ host }) => host),
  target: free(({ target }, isSecret) => maskUrl(target, isSecret)),
  protocol: text(({ protocol }) => protocol),
  tls: value(({ tls }) => tls),
  route: text(({ route }) => route),
  status: count(({ status }) => status),
  outcome: text(({ outcome }) => outcome),
  error: text(({ error }) => error),
  bytesReceived: count(({ bytesReceived }) => bytesReceived),
  bytesSent: count(({ bytesSent }) => bytesSent),
  reading: millis(({ reading }) => reading),
  total: millis(({ total }) => total),
  referer: free(({ referer }, isSecret) => referer && maskUrl(referer, isSecret)),
  userAgent: text(({ userAgent }) => userAgent),
  traceId: free(({ traceparent }) => traceparent?.slice(3, 35)),
  parentId: free(({ traceparent }) => traceparent?.slice(36, 52)),
} satisfies Record<string, Field>;

const failure = {
  stage: text(({ stage }) => stage),
  abortedBy: text(({ abortedBy }) => abortedBy),
} satisfies Record<string, Field>;

/** Of requests that went to a server. */
const forwarding = {
  upstream: text(({ upstream }) => upstream),
  server: text(({ server }) => server),
  attempts: count(({ attempts }) => (attempts === 0 ? undefined : attempts)),
  givenUp: value(({ givenUp }) =>
    givenUp?.map((attempt) => ({ ...attempt, took: Math.round(attempt.took * 1000) / 1000 })),
  ),
  queued: millis(({ queued }) => queued),
  connect: millis(({ connect }) => connect),
  firstByte: millis(({ firstByte }) => firstByte),
  writing: millis((record) => record.writing),
} satisfies Record<string, Field>;

/** What gates, caches and scanners have to say. */
const verdicts = {
  auth: text(({ auth }) => auth),
  authReason: text(({ authReason }) => authReason),
  cache: text(({ cache }) => cache),
  cacheReason: text(({ cacheReason }) => cacheReason),
  destination: text(({ destination }) => destination),
  sni: text(({ sni }) => sni),
  filter: text(({ filter }) => filter),
  filterRule: text(({ filterRule }) => filterRule),
  filterCategory: text(({ filterCategory }) => filterCategory),
  scan: text(({ scan }) => scan),
  scanFinding: text(({ scanFinding }) => scanFinding),
  scanEngine: text(({ scanEngine }) => scanEngine),
  egress: text(({ egress }) => egress),
  egressRules: value(({ egressRules }) => egressRules),
  inspection: text(({ inspection }) => inspection),
} satisfies Record<string, Field>;

const table = { ...request, ...failure, ...forwarding, ...verdicts };

/** A field of a line in JSON; times are milliseconds. */
export type FieldName = keyof typeof table;

export const fieldNames: readonly FieldName[] = Object.keys(table) as FieldName[];

export function fieldOf(name: FieldName): Field {
  return table[name];
}

/** Fields that most requests have nothing in need not be asked for one by one. */
export interface FieldGroup {
  readonly names: readonly FieldName[];
  readonly present: (record: Transaction) => boolean;
}

export const fieldGroups: readonly FieldGroup[] = [
  { names: namesOf(request), present: () => true },
  { names: namesOf(failure), present: ({ outcome }) => outcome !== 'completed' },
  { names: namesOf(forwarding), present: ({ upstream }) => upstream !== undefined },
  {
    names: namesOf(verdicts),
    present: (record) =>
      record.cache !== undefined ||
      record.auth !== undefined ||
      record.filter !== undefined ||
      record.scan !== undefined ||
      record.egress !== undefined ||
      record.destination !== undefined ||
      record.inspection !== undefined,
  },
];

function namesOf(fields: Partial<typeof table>): readonly FieldName[] {
  return Object.keys(fields) as FieldName[];
}

function free(read: Reader<string>): Field {
  return { kind: 'free', read };
}

function text(read: Reader<string>): Field {
  return { kind: 'text', read };
}

function count(read: Reader<number>): Field {
  return { kind: 'count', read };
}

function millis(read: Reader<number>): Field {
  return { kind: 'millis', read };
}

function value(read: Reader<object>): Field {
  return { kind: 'value', read };
}
