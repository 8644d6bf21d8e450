import type { Transaction } from '../core/transaction.ts';
import { plainAddress } from '../core/http/forwarded.ts';
import { escapeText, escapeWord } from './escape.ts';
import { maskUrl } from './mask.ts';
import type { IsSecret } from './secret-names.ts';
import { clfTime } from './time-text.ts';

/**
 * The Common Log Format (W3C httpd, Apache's `common`): `host ident user [time] "request" status bytes`. What is not known
 * is `-`, no bytes are `-`, too.
 */
export function commonLine(record: Transaction, isSecret: IsSecret): string {
  const { client, user, started, method, target, protocol, status, bytesSent } = record;
  const address = escapeWord(client === undefined ? '-' : plainAddress(client));
  const name = user === undefined || user === '' ? '-' : escapeWord(utf8(user));
  const version = protocol === '2' ? '2.0' : (protocol ?? '1.1');
  // Nobody knows what was asked when it was no HTTP, or did not come in time.
  const request =
    method === '' ? '-' : escapeText(`${method} ${maskUrl(target, isSecret)} HTTP/${version}`);
  const bytes = bytesSent === 0 ? '-' : String(bytesSent);
  return `${address} - ${name} [${clfTime(started)}] "${request}" ${status} ${bytes}`;
}

/** Apache's and nginx' `combined`: the common one with `"referer" "user agent"`. */
export function combinedLine(record: Transaction, isSecret: IsSecret): string {
  const { referer, userAgent } = record;
  const from = referer === undefined ? '-' : escapeText(maskUrl(referer, isSecret));
  const by = userAgent === undefined ? '-' : escapeText(userAgent);
  return `${commonLine(record, isSecret)} "${from}" "${by}"`;
}

/** Names come as text, all else as the bytes of the wire. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}
