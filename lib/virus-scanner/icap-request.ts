// A table, not a connection.
// eslint-disable-next-line @typescript-eslint/no-restricted-imports
import { STATUS_CODES } from 'node:http';
import type { ScanSubject } from './scanner.ts';

/** Describe the bytes as they travel: the service gets them decoded, in chunks. */
const ofTheTransfer: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The request line and fields of ICAP, and the heads it encapsulates (RFC 3507 §4.4). */
export function icapRequest(
  service: URL,
  subject: ScanSubject,
  preview: number | undefined,
): string {
  const isUpload = subject.direction === 'upload';
  const url = URL.parse(subject.url);
  const requestHead = head(`${clean(subject.method)} ${clean(url?.href ?? '/')} HTTP/1.1`, [
    'Host',
    url?.host ?? 'localhost',
    ...subject.request,
  ]);
  const answerHead = isUpload
    ? ''
    : head(
        `HTTP/1.1 ${subject.status} ${STATUS_CODES[subject.status] ?? 'Unknown'}`,
        subject.answer,
      );
  const lines = [
    `${isUpload ? 'REQMOD' : 'RESPMOD'} ${addressOf(service)} ICAP/1.0`,
    `Host: ${service.host}`,
    'Allow: 204',
    ...(preview === undefined ? [] : [`Preview: ${preview}`]),
    ...(subject.client === undefined ? [] : [`X-Client-IP: ${clean(subject.client)}`]),
    isUpload
      ? `Encapsulated: req-hdr=0, req-body=${requestHead.length}`
      : `Encapsulated: req-hdr=0, res-hdr=${requestHead.length}, res-body=${requestHead.length + answerHead.length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${requestHead}${answerHead}`;
}

export function icapOptions(service: URL): string {
  return `OPTIONS ${addressOf(service)} ICAP/1.0\r\nHost: ${service.host}\r\nEncapsulated: null-body=0\r\n\r\n`;
}

function addressOf(service: URL): string {
  return `${service.protocol}//${service.host}${service.pathname}${service.search}`;
}

function head(first: string, fields: readonly string[]): string {
  let text = `${first}\r\n`;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = clean(fields[at] as string);
    const own = at === 0 && name === 'Host';
    if (own || !ofTheTransfer.has(name.toLowerCase()))
      text += `${name}: ${clean(fields[at + 1] as string)}\r\n`;
  }
  return `${text}\r\n`;
}

/** Nothing breaks out of its line, or out of latin1. */
function clean(text: string): string {
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ');
}
