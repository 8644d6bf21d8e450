import type { IncomingMessage } from 'node:http';
import { withoutUserinfo } from '../http/userinfo.ts';
import { parseTraceparent } from '../http/trace-context.ts';
import type { Transaction } from '../transaction.ts';

/**
 * Takes from the fields of a request what logs want of them, in one pass.
 *
 * @returns whether the request has a body
 */
export function readFields(req: IncomingMessage, record: Transaction): boolean {
  const { rawHeaders } = req;
  let body = req.httpVersionMajor >= 2 && !req.complete;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    switch (name.length) {
      case 4:
        if (isNamed(name, 'host')) record.host ??= withoutUserinfo(rawHeaders[index + 1] as string);
        break;
      case 7:
        if (isNamed(name, 'referer')) record.referer ??= rawHeaders[index + 1];
        break;
      case 10:
        if (isNamed(name, 'user-agent')) record.userAgent ??= rawHeaders[index + 1];
        else if (isNamed(name, ':authority'))
          record.host = withoutUserinfo(rawHeaders[index + 1] as string);
        break;
      case 11:
        if (isNamed(name, 'traceparent')) readTrace(rawHeaders[index + 1] as string, record);
        break;
      case 14:
        if (isNamed(name, 'content-length')) body ||= rawHeaders[index + 1] !== '0';
        break;
      case 17:
        if (isNamed(name, 'transfer-encoding')) body = true;
        break;
    }
  }
  return body;
}

function isNamed(name: string, lower: string): boolean {
  return name === lower || name.toLowerCase() === lower;
}

/** Two of them are none (W3C Trace Context §3.2). */
function readTrace(value: string, record: Transaction): void {
  const first = record.traceparent === undefined;
  record.traceparent = first && parseTraceparent(value) !== undefined ? value : undefined;
}

/** Counts the body as the parser hands it over, whoever reads it then. */
export function countBody(req: IncomingMessage, record: Transaction): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its request
  const { push } = req;
  req.push = function countedPush(this: IncomingMessage, chunk: Buffer | null, ...rest: never[]) {
    if (chunk === null) record.reading ??= record.elapsed();
    else record.bytesReceived += chunk.length;
    return push.call(this, chunk, ...rest);
  };
}
