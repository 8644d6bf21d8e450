/**
 * The body of a stored answer. A small one may be the text it came as, a character for each byte (latin1): it is written to
 * clients as it is, and costs no memory to be asked of the system.
 */
export type Body = Buffer | string;

/** Not from Node's pool: what is stored must not hold more memory than its own. */
export function bytesOf(body: Body): Buffer {
  if (typeof body !== 'string') return body;
  const bytes = Buffer.allocUnsafeSlow(body.length);
  bytes.write(body, 'latin1');
  return bytes;
}

export function textOf(body: Body): string {
  return typeof body === 'string' ? body : body.toString('latin1');
}
