import { clock } from '../clock.ts';
import { undici } from './undici.ts';

export interface FetchLimits {
  /** Milliseconds until the last byte. */
  readonly timeout: number;
  /** Bytes of the body. */
  readonly maxSize: number;
}

/**
 * Gets a JSON document, such as the keys of an issuer. Redirects are not followed: who is asked is the operator's choice.
 *
 * @throws {Error} with a message for operators, unless it is answered 200 with JSON within the limits
 */
export async function fetchJson(url: URL, { timeout, maxSize }: FetchLimits): Promise<unknown> {
  const abort = new AbortController();
  const stopTimer = clock.after(timeout, () => {
    abort.abort(new Error(`no answer within ${timeout} ms`));
  });
  try {
    const { statusCode, body } = await undici().request(url, {
      headers: { accept: 'application/json, application/jwk-set+json' },
      signal: abort.signal,
    });
    body.on('error', () => undefined);
    if (statusCode !== 200) {
      body.destroy();
      throw new Error(`status ${statusCode}`);
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxSize) throw new Error(`more than ${maxSize} bytes`);
      chunks.push(chunk);
    }
    return parsed(Buffer.concat(chunks).toString());
  } catch (cause) {
    throw new Error(`${url.origin}${url.pathname}: ${reasonOf(cause)}`, { cause });
  } finally {
    stopTimer();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The engine's own message quotes the text.
    throw new Error('not JSON');
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string };
  return typeof code === 'string' && code !== '' ? code : String(message);
}
