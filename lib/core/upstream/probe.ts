import type { Dispatcher } from 'undici';
import { clock } from '../clock.ts';
import type { ParsedHealthCheck } from './health-options.ts';
import type { Server } from './server.ts';

/** A health page is small; whoever sends more is not asked for the rest. */
const mostBytes = 64 * 1024;

/**
 * Asks a server once whether it is well, over its own connections: so TLS, unix sockets and HTTP/2 are
 * checked with. Calls back once, with undefined when it is, else with the reason; the returned function gives up.
 */
export function probe(
  server: Server,
  check: ParsedHealthCheck,
  done: (problem: string | undefined) => void,
): () => void {
  let controller: Dispatcher.DispatchController | undefined;
  let settled = false;
  let problem: string | undefined;
  let bytes = 0;

  function settle(outcome: string | undefined): void {
    if (settled) return;
    settled = true;
    stopTimer();
    done(outcome);
  }

  function giveUp(outcome: string | undefined): void {
    if (settled) return;
    settle(outcome);
    controller?.abort(new Error('health check given up'));
  }

  const stopTimer = clock.after(check.timeout, () =>
    giveUp(`no answer within ${check.timeout} ms`),
  );

  const base = server.url.protocol === 'unix:' ? '' : server.url.pathname.replace(/\/$/, '');
  try {
    server.transport.dispatch(
      {
        origin: server.url.origin,
        path: base + check.path,
        method: check.method,
        headers: { host: server.host, 'user-agent': 'sekisho-health-check', ...check.headers },
        body: null,
        headersTimeout: check.timeout,
        bodyTimeout: check.timeout,
      },
      {
        onRequestStart(started) {
          controller = started;
          if (settled) started.abort(new Error('health check given up'));
        },
        onResponseStart(_controller, status) {
          if (status < 200) return;
          const [from, to] = check.status;
          problem = status >= from && status <= to ? undefined : `status ${status}`;
        },
        onResponseData(_controller, chunk) {
          bytes += chunk.length;
          if (bytes > mostBytes) giveUp(problem);
        },
        onResponseEnd() {
          settle(problem);
        },
        onResponseError(_controller, error) {
          settle((error as { code?: string }).code ?? error.message);
        },
      },
    );
  } catch (error) {
    settle((error as Error).message);
  }

  return () => giveUp('given up');
}
