import { clock } from '../clock.ts';
import type { FetchLimits } from './fetch-json.ts';
import { undici } from './undici.ts';

/** The service could not be reached, or did not answer in bounds; what it answered is never this. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export interface FetchInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/**
 * fetch() for libraries that ask a service of the operator's choice by one: with a time limit until the last byte and
 * a limit of the answer's size. Redirects are not followed.
 *
 * @throws {Unreachable} (rejects) with a message for operators
 */
export async function boundedFetch(
  url: URL,
  { method, headers, body: sent }: FetchInit,
  { timeout, maxSize }: FetchLimits,
): Promise<Response> {
  const abort = new AbortController();
  const stopTimer = clock.after(timeout, () => {
    abort.abort(new Error(`no answer within ${timeout} ms`));
  });
  try {
    const answer = await undici().request(url, {
      method: method as 'GET',
      headers: { ...headers },
      body: sent ?? null,
      signal: abort.signal,
    });
    answer.body.on('error', () => undefined);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxSize) throw new Error(`more than ${maxSize} bytes`);
      chunks.push(chunk);
    }
    return new Response(withoutBody.has(answer.statusCode) ? null : Buffer.concat(chunks), {
      status: answer.statusCode,
      headers: fieldsOf(answer.headers),
    });
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message?: string };
    const reason = typeof code === 'string' && code !== '' ? code : String(message);
    throw new Unreachable(`${url.origin}${url.pathname}: ${reason}`, { cause });
  } finally {
    stopTimer();
  }
}

/** Fetch standard §2.2.3: statuses whose Response may have none. */
const withoutBody: ReadonlySet<number> = new Set([204, 205, 304]);

function fieldsOf(
  given: Readonly<Record<string, string | string[] | undefined>>,
): [string, string][] {
  return Object.entries(given).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
}
