/** What may be passed to the methods of a response, and the errors Node has for what may not. */

export function checkStatus(status: unknown): number {
  const code = (status as number) | 0;
  if (code < 100 || code > 999)
    throw nodeError(
      RangeError,
      'ERR_HTTP_INVALID_STATUS_CODE',
      `Invalid status code: ${String(status)}`,
    );
  return code;
}

const notReason = /[^\t\x20-\x7e\x80-\xff]/;

export function checkReason(reason: string | undefined): void {
  if (reason !== undefined && notReason.test(reason))
    throw nodeError(TypeError, 'ERR_INVALID_CHAR', 'Invalid character in statusMessage');
}

export function checkChunk(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array)
    return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk === null)
    throw nodeError(TypeError, 'ERR_STREAM_NULL_VALUES', 'May not write null values to stream');
  throw nodeError(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    `The "chunk" argument must be of type string or an instance of Buffer or Uint8Array. Received ${typeof chunk}`,
  );
}

/** Any form Node takes fields in (an object, names and values in turn, pairs) as names and values in turn. */
export function flatFields(fields: unknown): unknown[] {
  if (fields === undefined || fields === null) return [];
  if (Array.isArray(fields)) {
    if (fields.length > 0 && Array.isArray(fields[0]))
      return (fields as unknown[][]).flatMap(([name, value]) => lines(name, value));
    if (fields.length % 2 !== 0)
      throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', "The argument 'headers' is invalid");
    return fields;
  }
  return Object.entries(fields as Record<string, unknown>).flatMap(([name, value]) =>
    lines(name, value),
  );
}

function lines(name: unknown, value: unknown): unknown[] {
  return Array.isArray(value) ? value.flatMap((line: unknown) => [name, line]) : [name, value];
}

/** What `writeEarlyHints` takes; without links there is nothing to hint at. */
export function hintedFields(hints: unknown): string[] {
  const { link, ...others } = hints as Record<string, unknown>;
  const links = ([link ?? []].flat() as string[]).flatMap((one) => ['Link', one]);
  return links.length === 0 ? [] : [...links, ...flatFields(others).map(String)];
}

export function alreadySent(verb: string): Error {
  return nodeError(
    Error,
    'ERR_HTTP_HEADERS_SENT',
    `Cannot ${verb} headers after they are sent to the client`,
  );
}

export function writeAfterEnd(): Error {
  return nodeError(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');
}

function nodeError(Kind: new (message: string) => Error, code: string, message: string): Error {
  return Object.assign(new Kind(message), { code });
}
