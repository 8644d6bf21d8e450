import { isUtf8 } from 'node:buffer';

export interface BasicCredentials {
  readonly name: string;
  readonly password: string;
}

/** Characters of base64; four thousand bytes are enough for any name and password. */
const longest = 5464;
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;
// RFC 7617 §2: neither may have control characters; in a log they would forge lines.
const control = /\p{Cc}/u;

/** Reads what follows `Basic` (RFC 7617 §2), strictly: what two readers could read differently is a problem. */
export function readBasicCredentials(token68: string): BasicCredentials | { problem: string } {
  if (token68 === '') return { problem: 'nothing after Basic' };
  if (token68.length > longest) return { problem: 'longer than name and password may be' };
  if (!base64.test(token68)) return { problem: 'no base64' };
  const bytes = Buffer.from(token68, 'base64');
  // Missing padding, and bits that decoding leaves out.
  if (bytes.toString('base64') !== token68) return { problem: 'no canonical base64' };
  if (!isUtf8(bytes)) return { problem: 'no UTF-8' };
  const text = bytes.toString();
  if (control.test(text)) return { problem: 'control characters' };
  const colon = text.indexOf(':');
  if (colon === -1) return { problem: 'no colon between name and password' };
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
