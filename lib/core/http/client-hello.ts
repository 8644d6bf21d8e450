/** What the first bytes of a TLS connection say (RFC 8446 §4.1.2, RFC 6066 §3). */
export type HelloReading =
  /** Not all of it is there: it cannot be read before so many bytes are. */
  | { readonly needs: number }
  /** A ClientHello; lower case, undefined when it names no server. */
  | { readonly serverName: string | undefined }
  /** It is none. */
  | { readonly problem: string };

/** Browsers send about 2 KB, with post-quantum keys; whoever needs more than this is not read to the end. */
export const longestHello = 16_384;

const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const hostName = 0;
const recordHeader = 5;
const handshakeHeader = 4;
const namePattern = /^(?=.{1,253}$)[a-z\d_-]{1,63}(?:\.[a-z\d_-]{1,63})*$/i;

/**
 * Reads the ClientHello with which a TLS connection begins. Strict: what two readers could read differently (lengths that
 * do not fit, two names) is a problem. Works on at most `longestHello` bytes.
 *
 * @param bytes what has come so far
 */
export function readClientHello(bytes: Uint8Array): HelloReading {
  const handshake = unwrapRecords(bytes);
  if (!(handshake instanceof Cursor)) return handshake;
  try {
    return { serverName: readHello(handshake) };
  } catch (error) {
    if (error instanceof HelloError) return { problem: error.message };
    throw error;
  }
}

/** The handshake message out of its records, of which there may be several. */
function unwrapRecords(bytes: Uint8Array): Cursor | HelloReading {
  const parts: Uint8Array[] = [];
  let gathered = 0;
  let announced = 0;
  let wanted = handshakeHeader;
  for (let at = 0; ;) {
    if ((bytes[at] ?? handshakeRecord) !== handshakeRecord) return { problem: 'no TLS handshake' };
    if ((bytes[at + 1] ?? 3) !== 3) return { problem: 'an unknown version of TLS' };
    if (bytes.length < at + recordHeader) return needing(at + recordHeader);
    const length = ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
    if (length === 0 || length > longestHello) return { problem: 'a record of unusable length' };
    const end = at + recordHeader + length;
    const part = bytes.subarray(at + recordHeader, end);
    if (gathered === 0 && part.length > 0 && part[0] !== clientHello)
      return { problem: 'no ClientHello' };
    parts.push(part);
    gathered += part.length;
    announced += length;
    if (gathered >= handshakeHeader && wanted === handshakeHeader) {
      const head = Buffer.concat(parts);
      wanted += head.readUIntBE(1, 3);
      if (wanted > longestHello) return { problem: 'too long a ClientHello' };
    }
    if (wanted > handshakeHeader && announced > wanted)
      return { problem: 'more than a ClientHello' };
    if (wanted > handshakeHeader && gathered === wanted) {
      return new Cursor(Buffer.concat(parts).subarray(handshakeHeader));
    }
    if (bytes.length < end) return needing(end);
    at = end;
  }
}

function needing(needs: number): HelloReading {
  return needs > longestHello ? { problem: 'too long a ClientHello' } : { needs };
}

function readHello(hello: Cursor): string | undefined {
  if (hello.number(1) !== 3) throw new HelloError('an unknown version of TLS');
  hello.skip(1 + 32);
  if (hello.vector(1).length > 32) throw new HelloError('too long a session id');
  const suites = hello.vector(2).length;
  if (suites === 0 || suites % 2 === 1) throw new HelloError('unusable cipher suites');
  if (hello.vector(1).length === 0) throw new HelloError('no compression method');
  if (hello.atEnd) return undefined;
  const extensions = new Cursor(hello.vector(2));
  hello.end();
  let name: string | undefined;
  while (!extensions.atEnd) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (type !== serverNameExtension) continue;
    if (name !== undefined) throw new HelloError('two server names');
    name = readServerName(new Cursor(content));
  }
  return name;
}

function readServerName(content: Cursor): string {
  const list = new Cursor(content.vector(2));
  content.end();
  if (list.number(1) !== hostName) throw new HelloError('a server name of unknown type');
  const name = Buffer.from(list.vector(2)).toString('latin1');
  list.end();
  if (!namePattern.test(name)) throw new HelloError('a malformed server name');
  return name.toLowerCase();
}

class HelloError extends Error {}

class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(size: 1 | 2): number {
    const first = this.#at;
    this.skip(size);
    return size === 1
      ? (this.#bytes[first] as number)
      : ((this.#bytes[first] as number) << 8) | (this.#bytes[first + 1] as number);
  }

  /** Bytes with their length, a number of `size` bytes, in front. */
  vector(size: 1 | 2): Uint8Array {
    const length = this.number(size);
    const first = this.#at;
    this.skip(length);
    return this.#bytes.subarray(first, first + length);
  }

  skip(count: number): void {
    if (this.#at + count > this.#bytes.length) throw new HelloError('a length that does not fit');
    this.#at += count;
  }

  end(): void {
    if (!this.atEnd) throw new HelloError('bytes behind the end');
  }
}
