import { ChunkedDecoder } from '../core/upstream/http1/chunked.ts';

/** What an ICAP server sends breaks its protocol, or is not ICAP at all. */
export class IcapError extends Error {
  override readonly name = 'IcapError';
}

/** The head of an answer (RFC 3507 §4.3.3), with what it encapsulates of heads. */
export interface IcapHead {
  readonly status: number;
  readonly reason: string;
  /** Lower-cased names; repeated ones joined by commas. */
  readonly fields: ReadonlyMap<string, string>;
  /** Status of an encapsulated HTTP answer. */
  readonly answerStatus: number | undefined;
  readonly hasBody: boolean;
  /** What it encapsulates besides `null-body`: heads and bodies of requests (`req`) and answers (`res`). */
  readonly encapsulates: ReadonlySet<'req' | 'res' | 'opt'>;
}

export interface IcapReplyListener {
  onHead(head: IcapHead): void;
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

const longestHead = 32 * 1024;
const longestSections = 128 * 1024;
const statusLine = /^ICAP\/1\.\d ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
// eslint-disable-next-line no-control-regex -- exactly the bytes that must not be in a field value
const fieldLine = /^([!#$%&'*+\-.^_`|~\w]+):([^\0-\x08\x0a-\x1f\x7f]*)$/;
const section = /^(req-hdr|res-hdr|req-body|res-body|opt-body|null-body)=(\d{1,7})$/;

type State = 'head' | 'sections' | 'body';

/** Reads the answers of an ICAP server, strictly and with bounds. */
export class IcapReply {
  readonly #listener: IcapReplyListener;
  #state: State = 'head';
  #pending: Buffer = nothing;
  #head: IcapHead | undefined;
  /** Bytes of encapsulated heads. */
  #sections = 0;
  /** Where among them the HTTP answer begins. */
  #answerAt: number | undefined;
  #encapsulates: Set<'req' | 'res' | 'opt'> = new Set();
  #body = new ChunkedDecoder();

  constructor(listener: IcapReplyListener) {
    this.#listener = listener;
  }

  /** Nothing of an answer is here. */
  get between(): boolean {
    return this.#state === 'head' && this.#pending.length === 0;
  }

  /** @throws when what comes is no ICAP, or more of it than anybody needs */
  push(bytes: Buffer): void {
    let rest: Buffer | undefined =
      this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    this.#pending = nothing;
    while (rest !== undefined && rest.length > 0) {
      const before: Buffer = rest;
      rest = this.#step(before);
      if (rest === undefined) this.#pending = before;
    }
  }

  /** @returns what it has left, undefined when it needs more */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#state) {
      case 'head': {
        const end = bytes.indexOf('\r\n\r\n');
        if (end > longestHead || (end === -1 && bytes.length > longestHead))
          throw new IcapError('its head is too long');
        if (end === -1) {
          checkStart(bytes);
          return undefined;
        }
        this.#readHead(bytes.toString('latin1', 0, end));
        return bytes.subarray(end + 4);
      }
      case 'sections': {
        if (bytes.length < this.#sections) return undefined;
        this.#readSections(bytes.toString('latin1', 0, this.#sections));
        return bytes.subarray(this.#sections);
      }
      case 'body': {
        const at = this.#body.decode(bytes, 0, bytes.length, (chunk, start, end) => {
          this.#listener.onBody(chunk.subarray(start, end));
        });
        if (this.#body.done) this.#end();
        return bytes.subarray(at);
      }
    }
  }

  #readHead(text: string): void {
    // Some servers fold long fields (RFC 9112 §5.2).
    const [first = '', ...lines] = text.replace(/\r\n[\t ]+/g, ' ').split('\r\n');
    const [, status, reason = ''] = statusLine.exec(first) ?? [];
    if (status === undefined) throw new IcapError('it does not speak ICAP');
    const fields = new Map<string, string>();
    for (const line of lines) {
      const [, name, value = ''] = fieldLine.exec(line) ?? [];
      if (name === undefined) throw new IcapError('a field is malformed');
      const lower = name.toLowerCase();
      const there = fields.get(lower);
      fields.set(lower, there === undefined ? value.trim() : `${there}, ${value.trim()}`);
    }
    const hasBody = this.#readEncapsulated(fields.get('encapsulated'));
    const encapsulates = this.#encapsulates;
    this.#head = {
      ...{ status: Number(status), reason, fields, hasBody, encapsulates },
      answerStatus: undefined,
    };
    if (this.#sections > 0) this.#state = 'sections';
    else this.#tellHead();
  }

  /** RFC 3507 §4.4.1: heads by their offsets, and one body, if any, at the end. */
  #readEncapsulated(value: string | undefined): boolean {
    this.#sections = 0;
    this.#answerAt = undefined;
    this.#encapsulates = new Set();
    if (value === undefined) return false;
    let last = -1;
    let body: string | undefined;
    for (const member of value.split(',')) {
      const [, name = '', digits] = section.exec(member.trim()) ?? [];
      const offset = Number(digits);
      if (digits === undefined || body !== undefined || offset < last || (last < 0 && offset > 0))
        throw new IcapError('Encapsulated is malformed');
      last = offset;
      if (name !== 'null-body') this.#encapsulates.add(name.slice(0, 3) as 'req' | 'res' | 'opt');
      if (name === 'res-hdr') this.#answerAt = offset;
      if (name.endsWith('-body')) body = name;
    }
    if (body === undefined) throw new IcapError('Encapsulated names no body');
    if (last > longestSections) throw new IcapError('what it encapsulates is too long');
    this.#sections = last;
    return body !== 'null-body';
  }

  #readSections(text: string): void {
    if (this.#answerAt !== undefined) {
      const [, status] = /^HTTP\/1\.\d (\d{3})(?!\d)/.exec(text.slice(this.#answerAt)) ?? [];
      if (status === undefined) throw new IcapError('the answer it encapsulates is malformed');
      this.#head = { ...(this.#head as IcapHead), answerStatus: Number(status) };
    }
    this.#tellHead();
  }

  #tellHead(): void {
    const head = this.#head as IcapHead;
    this.#state = head.hasBody ? 'body' : 'head';
    this.#listener.onHead(head);
    if (!head.hasBody) this.#listener.onEnd();
  }

  #end(): void {
    this.#state = 'head';
    this.#body = new ChunkedDecoder();
    this.#listener.onEnd();
  }
}

const nothing: Buffer = Buffer.alloc(0);
const icap = Buffer.from('ICAP/1.');

/** Whoever speaks something else is not listened to for long. */
function checkStart(bytes: Buffer): void {
  const known = Math.min(bytes.length, icap.length);
  if (bytes.compare(icap, 0, known, 0, known) !== 0) throw new IcapError('it does not speak ICAP');
}
