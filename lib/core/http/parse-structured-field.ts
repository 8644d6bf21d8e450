import type {
  BareItem,
  Dictionary,
  InnerList,
  Item,
  ItemParameters,
  Member,
} from './structured-fields.ts';

/** The parts of the grammar (RFC 9651 §4.2), each at the place where the reader stands. */
const key = /[a-z*][a-z0-9_.*-]*/y;
const number = /(-?)(\d{1,15})(?:\.(\d{1,3}))?(?![\d.])/y;
const string = /"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y;
const token = /[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y;
const bytes = /:([A-Za-z0-9+/]*)(={0,2}):/y;
const boolean = /\?([01])/y;
const date = /@(-?\d{1,15})(?![\d.])/y;
const display = /%"((?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*)"/y;
const spaces = / */y;
const blanks = /[ \t]*/y;

/** Thrown and caught within this file: what is read is no structured field. */
const malformed = Symbol('malformed');

/** Reads a dictionary (RFC 9651 §4.2.2), e.g. `max-age=60, private`; undefined when it breaks the grammar. */
export function parseDictionary(text: string): Dictionary | undefined {
  return parsed(text, (reader) => {
    const members = new Map<string, Member>();
    eachMember(reader, () => {
      const name = reader.take(key);
      // What comes later under the same name takes the place of the former.
      members.set(name, reader.skip('=') ? readMember(reader) : readFlag(reader));
    });
    return members;
  });
}

/** Reads a list (RFC 9651 §4.2.1), e.g. `a;hit, (b c);d=1`; undefined when it breaks the grammar. */
export function parseList(text: string): readonly Member[] | undefined {
  return parsed(text, (reader) => {
    const members: Member[] = [];
    eachMember(reader, () => {
      members.push(readMember(reader));
    });
    return members;
  });
}

/** Reads a single item (RFC 9651 §4.2.3); undefined when it breaks the grammar. */
export function parseItem(text: string): Item | undefined {
  return parsed(text, readItem);
}

function parsed<Result>(text: string, read: (reader: Reader) => Result): Result | undefined {
  const reader = new Reader(text);
  try {
    reader.take(spaces);
    const result = read(reader);
    reader.take(spaces);
    return reader.ended() ? result : undefined;
  } catch (error) {
    if (error === malformed) return undefined;
    throw error;
  }
}

function eachMember(reader: Reader, read: () => void): void {
  while (!reader.ended()) {
    read();
    reader.take(blanks);
    if (reader.ended()) return;
    reader.expect(',');
    reader.take(blanks);
    // A comma promises another member.
    if (reader.ended()) throw malformed;
  }
}

function readMember(reader: Reader): Member {
  return reader.skip('(') ? readInnerList(reader) : readItem(reader);
}

function readInnerList(reader: Reader): InnerList {
  const items: Item[] = [];
  for (;;) {
    const spaced = reader.take(spaces) !== '';
    if (reader.skip(')')) return { items, parameters: readParameters(reader) };
    if (items.length > 0 && !spaced) throw malformed;
    items.push(readItem(reader));
  }
}

function readItem(reader: Reader): Item {
  return { value: readBareItem(reader), parameters: readParameters(reader) };
}

function readFlag(reader: Reader): Item {
  return { value: { kind: 'boolean', value: true }, parameters: readParameters(reader) };
}

function readParameters(reader: Reader): ItemParameters {
  const parameters = new Map<string, BareItem>();
  while (reader.skip(';')) {
    reader.take(spaces);
    const name = reader.take(key);
    parameters.set(
      name,
      reader.skip('=') ? readBareItem(reader) : { kind: 'boolean', value: true },
    );
  }
  return parameters;
}

function readBareItem(reader: Reader): BareItem {
  switch (reader.next) {
    case '"':
      return { kind: 'string', value: reader.match(string)[1].replace(/\\(.)/g, '$1') };
    case ':':
      return readBytes(reader.match(bytes));
    case '?':
      return { kind: 'boolean', value: reader.match(boolean)[1] === '1' };
    case '@':
      return { kind: 'date', value: Number(reader.match(date)[1]) + 0 };
    case '%':
      return readDisplay(reader.match(display)[1]);
    default:
      return /[-\d]/.test(reader.next)
        ? readNumber(reader.match(number))
        : { kind: 'token', value: reader.take(token) };
  }
}

function readNumber([, sign, whole = '', fraction]: Found): BareItem {
  if (fraction === undefined) return { kind: 'integer', value: Number(sign + whole) + 0 };
  if (whole.length > 12) throw malformed;
  return { kind: 'decimal', value: Number(`${sign}${whole}.${fraction}`) + 0 };
}

/** Padding may be missing, but not be wrong (RFC 9651 §4.2.7). */
function readBytes([, data, padding = '']: Found): BareItem {
  const rest = data.length % 4;
  if (rest === 1 || (padding !== '' && rest + padding.length !== 4)) throw malformed;
  return { kind: 'bytes', value: new Uint8Array(Buffer.from(data, 'base64')) };
}

function readDisplay(text: string): BareItem {
  const encoded = Buffer.from(
    text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return { kind: 'display', value: decoder.decode(encoded) };
  } catch {
    throw malformed;
  }
}

type Found = [whole: string, first: string, ...(string | undefined)[]];

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  ended(): boolean {
    return this.#at === this.#text.length;
  }

  get next(): string {
    return this.#text.charAt(this.#at);
  }

  skip(char: string): boolean {
    if (this.next !== char) return false;
    this.#at++;
    return true;
  }

  expect(char: string): void {
    if (!this.skip(char)) throw malformed;
  }

  take(part: RegExp): string {
    return this.match(part)[0];
  }

  match(part: RegExp): Found {
    part.lastIndex = this.#at;
    const found = part.exec(this.#text);
    if (found === null) throw malformed;
    this.#at = part.lastIndex;
    return found as unknown as Found;
  }
}
