import { errorKinds } from '../core/error-codes.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import type { Transaction } from '../core/transaction.ts';
import type { EntryInit, EntryLevel } from './journal.ts';
import { shown, shownTarget } from './shown.ts';

/** Errors of which an event of its own has told already, with more to it. */
const toldElsewhere: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_SEKISHO_AUTH_REQUIRED',
  'ERR_SEKISHO_PROXY_AUTH_REQUIRED',
  'ERR_SEKISHO_AUTH_DENIED',
  'ERR_SEKISHO_AUTH_LOCKED',
  'ERR_SEKISHO_AUTH_UNAVAILABLE',
  'ERR_SEKISHO_URL_DENIED',
  'ERR_SEKISHO_INFECTED',
  'ERR_SEKISHO_UNSCANNABLE',
  'ERR_SEKISHO_SCAN_OVERSIZE',
  'ERR_SEKISHO_SCAN_UNAVAILABLE',
  'ERR_SEKISHO_EGRESS_BLOCKED',
]);

const authLevels: Readonly<Record<string, EntryLevel>> = {
  absent: 'info',
  locked: 'warning',
  failed: 'warning',
};
const scanLevels: Readonly<Record<string, EntryLevel>> = {
  infected: 'alert',
  unscannable: 'notice',
  oversize: 'notice',
  unavailable: 'warning',
};
const alertLevels = { low: 'notice', medium: 'warning', high: 'alert' } as const;

type Listed =
  | 'sekisho:auth'
  | 'sekisho:filter'
  | 'sekisho:scan'
  | 'sekisho:alert'
  | 'sekisho:warning'
  | 'sekisho:health'
  | 'sekisho:ejection'
  | 'sekisho:servers';

/** What the page lists of each event; undefined for what is no news. */
export const entryOfEvent: {
  readonly [Name in Listed]: (event: Events[Name]) => EntryInit | undefined;
} = {
  'sekisho:auth': ({ outcome, reason, dryRun, name, client, method, path }) => ({
    group: 'refusal',
    level: authLevels[outcome] ?? 'notice',
    kind: 'auth',
    what: dryRun ? `dry-run:${outcome}` : outcome,
    subject: `${shown(method)} ${shownTarget(path)}`,
    detail: shown(reason),
    ...who(client, name),
  }),
  'sekisho:filter': ({ outcome, rule, category, dryRun, client, user, method, target }) =>
    outcome !== 'denied' && outcome !== 'malformed'
      ? undefined
      : {
          group: 'refusal',
          level: 'notice',
          kind: 'filter',
          what: dryRun ? `dry-run:${outcome}` : outcome,
          subject: `${shown(method)} ${shownTarget(target)}`,
          detail: shown(category === undefined ? rule : `${rule} (${category})`),
          ...who(client, user),
        },
  'sekisho:scan': ({ outcome, finding, engine, client, user, target }) => {
    const level = scanLevels[outcome];
    if (level === undefined) return undefined;
    return {
      group: level === 'alert' ? 'alert' : 'refusal',
      level,
      kind: 'scan',
      what: outcome,
      subject: shownTarget(target),
      detail: shown(finding ?? engine),
      ...who(client, user),
    };
  },
  'sekisho:alert': ({ rule, severity, score, blocked, user, client, destination }) => ({
    group: 'alert',
    level: alertLevels[severity],
    kind: 'egress',
    what: blocked ? 'blocked' : 'monitored',
    subject: shownTarget(destination),
    detail: shown(`${rule}, score ${score}`),
    ...who(client, user),
  }),
  'sekisho:warning': ({ code, message }) => ({
    group: 'alert',
    level: 'warning',
    kind: 'warning',
    what: '',
    subject: shown(code),
    detail: shown(message),
  }),
  'sekisho:health': ({ upstream, server, state, reason }) => ({
    group: 'server',
    level: state === 'up' ? 'good' : 'alert',
    kind: 'health',
    what: state,
    subject: shown(`${upstream} ${server}`),
    detail: shown(reason),
  }),
  'sekisho:ejection': ({ upstream, server, ejected, reason }) => ({
    group: 'server',
    level: ejected ? 'warning' : 'good',
    kind: 'ejection',
    what: ejected ? 'ejected' : 'back',
    subject: shown(`${upstream} ${server}`),
    detail: shown(reason),
  }),
  'sekisho:servers': ({ upstream, servers, error }) => ({
    group: 'server',
    level: error === undefined ? 'info' : 'warning',
    kind: 'servers',
    what: error === undefined ? 'changed' : 'kept',
    subject: shown(upstream),
    detail: shown(error === undefined ? servers.join(', ') : messageOf(error)),
  }),
};

/** What the page lists of a request: that it failed, or was refused and no event has told so. */
export function entryOfTransaction(record: Transaction): EntryInit | undefined {
  const { error, method, target, status, upstream, server, client, user, outcome } = record;
  if (outcome === 'client-aborted' || error === 'ERR_SEKISHO_CLIENT_ABORTED') return undefined;
  const subject = (): string => `${shown(method)} ${shownTarget(target)}`;
  const from = server === undefined ? upstream : `${upstream ?? ''} ${server}`.trim();
  if (error === undefined)
    return status < 500
      ? undefined
      : {
          group: 'alert',
          level: 'warning',
          kind: 'answer',
          what: String(status),
          subject: subject(),
          detail: from === undefined ? undefined : shown(from),
        };
  if (toldElsewhere.has(error)) return undefined;
  const { source, title } = errorKinds[error];
  const ours = source === 'upstream' || source === 'proxy';
  return {
    group: ours ? 'alert' : 'refusal',
    level: ours ? 'warning' : 'notice',
    kind: ours ? 'error' : 'refused',
    what: error.replace('ERR_SEKISHO_', ''),
    subject: subject(),
    detail: shown(ours && from !== undefined ? `${title}: ${from}` : title),
    // A failing server fails for everybody: that is one thing, not one for each client.
    ...(ours ? {} : who(client, user)),
  };
}

/** Somebody did not get what he asked for, by a decision of ours. */
export function isRefusal({ group, kind, what }: EntryInit): boolean {
  return (
    (group === 'refusal' || kind === 'scan' || what === 'blocked') && !what.startsWith('dry-run:')
  );
}

function who(
  client: string | undefined,
  user: string | undefined,
): { client: string | undefined; user: string | undefined } {
  return {
    client: client === undefined ? undefined : shown(client),
    user: user === undefined ? undefined : shown(user),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
