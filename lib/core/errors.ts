import { errorKinds, type ErrorCode, type ErrorSource, type ErrorStage } from './error-codes.ts';

export { errorCodes, type ErrorCode, type ErrorSource, type ErrorStage } from './error-codes.ts';

export interface ProxyErrorInit {
  /** What the client is told, in place of the code's own sentence: what a virus scanner has found. */
  readonly message?: string;
  /** For operators: what exactly happened. Goes to logs and hooks, never into a body. */
  readonly detail?: string;
  readonly status?: number;
  readonly stage?: ErrorStage;
  readonly retryable?: boolean;
  /** The server it happened with, as `host:port`. */
  readonly server?: string | undefined;
  readonly cause?: unknown;
  /** It happened on a kept connection, before the server said anything: no sign of a sick server. */
  readonly reused?: boolean;
  /** Response fields that belong to the refusal, e.g. `Retry-After`; Express' own handler sends them too. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A failure of one request. `message` is fit for the client; `detail`, `server` and `cause` are for
 * operators only. None carries a stack of its own (the `cause` has one where it matters): failures are a
 * proxy's daily business, and Express' own error page would show it.
 */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly statusCode: number;
  readonly source: ErrorSource;
  readonly stage: ErrorStage;
  readonly retryable: boolean;
  readonly proxyStatus: string;
  readonly detail: string | undefined;
  readonly server: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly reused: boolean;
  /** Tells Express (http-errors' convention) that the message may be shown. */
  readonly expose = true;

  constructor(code: ErrorCode, init: ProxyErrorInit = {}) {
    const { status, source, stage, retryable, proxyStatus, title } = errorKinds[code];
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(init.message ?? title, 'cause' in init ? { cause: init.cause } : undefined);
    Error.stackTraceLimit = limit;
    this.code = code;
    this.status = init.status ?? status;
    this.statusCode = this.status;
    this.source = source;
    this.stage = init.stage ?? stage;
    this.retryable = init.retryable ?? retryable;
    this.proxyStatus = proxyStatus;
    this.detail = init.detail;
    this.server = init.server;
    this.headers = init.headers ?? {};
    this.reused = init.reused ?? false;
    // The cause and the detail name internal hosts: keep them out of naive JSON and of util.inspect-style pages.
    for (const inner of ['detail', 'server', 'proxyStatus', 'reused'] as const)
      Object.defineProperty(this, inner, { enumerable: false });
  }
}

/** Wrong options, found at construction: all problems at once, each with its value and remedy. */
export class OptionsError extends TypeError {
  override readonly name = 'OptionsError';
  readonly code = 'ERR_SEKISHO_OPTIONS';
  /** One sentence per problem, as in the message. */
  readonly problems: readonly string[];

  constructor(middleware: string, problems: readonly string[]) {
    super(
      problems.length === 1
        ? `${middleware}: ${problems[0] ?? ''}`
        : `${middleware}: ${String(problems.length)} problems in the options\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.problems = problems;
  }
}
