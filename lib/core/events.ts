import { channel, type Channel } from 'node:diagnostics_channel';
import type { AuthOutcome, FilterOutcome, ScanOutcome, Transaction } from './transaction.ts';

/** A server as the events tell of it. */
export interface ServerEvent {
  /** Name of the pool, as given to `upstream()`. */
  readonly upstream: string;
  /** `host:port` of the server. */
  readonly server: string;
}

/** What each channel publishes. Subscribe with node:diagnostics_channel; nobody listening costs nothing. */
export interface Events {
  /** A request, tunnel or WebSocket has ended. */
  'sekisho:transaction': Transaction;
  /** An active health check changed its mind. */
  'sekisho:health': ServerEvent & { readonly state: 'up' | 'down'; readonly reason: string };
  /** Passive ejection took a server out (`until` is wall-clock ms), or back in. */
  'sekisho:ejection': ServerEvent & {
    readonly ejected: boolean;
    readonly reason: string;
    readonly until?: number;
  };
  /** A request is tried again. */
  'sekisho:retry': ServerEvent & { readonly attempt: number; readonly reason: string };
  /** The servers of a pool changed, or a change was refused and the last good state kept. */
  'sekisho:servers': {
    readonly upstream: string;
    readonly servers: readonly string[];
    readonly error?: unknown;
  };
  /** A gate refused a request, or would have (`dryRun`). */
  'sekisho:auth': {
    readonly outcome: AuthOutcome;
    /** Why, without anything secret. */
    readonly reason: string;
    /** Only reported: the request was let through. */
    readonly dryRun: boolean;
    /** `basic`, `bearer` … when one has judged. */
    readonly scheme?: string | undefined;
    /** Whom the client claims to be; proven only when `outcome` is `denied`. */
    readonly name?: string | undefined;
    /** The client's address, as `req.ip` says. */
    readonly client?: string | undefined;
    readonly method: string;
    /** The request target, without its query. */
    readonly path: string;
    readonly requestId: string;
  };
  /** `urlFilter` refused a request, or would have (`dryRun`). */
  'sekisho:filter': {
    readonly outcome: FilterOutcome;
    readonly rule: string;
    readonly category?: string | undefined;
    readonly dryRun: boolean;
    readonly client?: string | undefined;
    readonly user?: string | undefined;
    readonly method: string;
    /** Host and path, without the query. */
    readonly target: string;
    readonly requestId: string;
  };
  /** `virusScanner` judged a body. */
  'sekisho:scan': {
    readonly outcome: ScanOutcome;
    readonly finding?: string | undefined;
    readonly engine: string;
    readonly direction: 'download' | 'upload';
    readonly bytes: number;
    /** Milliseconds of the engine. */
    readonly took: number;
    readonly client?: string | undefined;
    readonly user?: string | undefined;
    readonly target: string;
    readonly requestId: string;
  };
  /** `egressGuard` saw something suspicious. */
  'sekisho:alert': {
    readonly rule: string;
    readonly severity: 'low' | 'medium' | 'high';
    readonly score: number;
    readonly blocked: boolean;
    readonly user?: string | undefined;
    readonly client?: string | undefined;
    readonly destination: string;
    /** Numbers and kinds, never what was found. */
    readonly evidence: Readonly<Record<string, string | number | boolean>>;
    /** Anchor of the rule's documentation. */
    readonly documentation: string;
    /** How many like it since the last one. */
    readonly repeated: number;
    readonly requestId?: string | undefined;
  };
  /** A tunnel was opened (`end` undefined) or has ended. */
  'sekisho:tunnel': {
    readonly destination: string;
    readonly user?: string | undefined;
    readonly client?: string | undefined;
    readonly open: number;
    readonly end?: string | undefined;
  };
  /** Something an operator should know; also a `SekishoWarning` of the process. */
  'sekisho:warning': { readonly code: string; readonly message: string; readonly cause?: unknown };
}

const channels: Readonly<Record<keyof Events, Channel>> = {
  'sekisho:transaction': channel('sekisho:transaction'),
  'sekisho:health': channel('sekisho:health'),
  'sekisho:ejection': channel('sekisho:ejection'),
  'sekisho:retry': channel('sekisho:retry'),
  'sekisho:servers': channel('sekisho:servers'),
  'sekisho:auth': channel('sekisho:auth'),
  'sekisho:filter': channel('sekisho:filter'),
  'sekisho:scan': channel('sekisho:scan'),
  'sekisho:alert': channel('sekisho:alert'),
  'sekisho:tunnel': channel('sekisho:tunnel'),
  'sekisho:warning': channel('sekisho:warning'),
};

export function observed(name: keyof Events): boolean {
  return channels[name].hasSubscribers;
}

export function publish<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
  channels[name].publish(payload);
}
