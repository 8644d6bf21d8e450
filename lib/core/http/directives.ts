/** What follows a directive's name: a token or the content of a quoted string, undefined for nothing, null for garbage. */
export type Argument = string | null | undefined;

const comma = 0x2c;
const equals = 0x3d;
const quote = 0x22;
const backslash = 0x5c;

const tokenCodes: ReadonlySet<number> = new Set(
  Array.from("!#$%&'*+-.^_`|~0123456789", (char) => char.charCodeAt(0)).concat(
    Array.from({ length: 26 }, (_, index) => 0x41 + index),
    Array.from({ length: 26 }, (_, index) => 0x61 + index),
  ),
);

/**
 * Reads one line of `1#cache-directive` (RFC 9111 §5.2) in one pass; names come lower-cased.
 *
 * A comma within a quoted string does not part directives. A string that is never closed is none: what follows its
 * commas counts, so that a lost quote cannot hide a `no-store`. A name with garbage behind it, such as
 * `private; max-age=60`, is that name with a null argument.
 */
export function readDirectives(
  line: string,
  found: (name: string, argument: Argument) => void,
): void {
  let at = 0;
  while (at < line.length) {
    while (isBlank(line.charCodeAt(at))) at++;
    const start = at;
    at = tokenEnd(line, at);
    const nameEnd = at;
    let argument: Argument;
    if (line.charCodeAt(at) === equals) {
      const from = at + 1;
      const string = line.charCodeAt(from) === quote;
      const end = string ? stringEnd(line, from) : tokenEnd(line, from);
      argument = end === from ? null : string ? unquoted(line, from, end) : line.slice(from, end);
      at = end;
    }
    while (isBlank(line.charCodeAt(at))) at++;
    if (at < line.length && line.charCodeAt(at) !== comma) {
      argument = null;
      at = line.indexOf(',', at);
      if (at === -1) at = line.length;
    }
    if (nameEnd > start) found(line.slice(start, nameEnd).toLowerCase(), argument);
    at++;
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function tokenEnd(line: string, from: number): number {
  let at = from;
  while (tokenCodes.has(line.charCodeAt(at))) at++;
  return at;
}

/** Behind the closing quote, or where the string would have started when there is none. */
function stringEnd(line: string, from: number): number {
  for (let at = from + 1; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === backslash) at++;
    else if (code === quote) return at + 1;
  }
  return from;
}

function unquoted(line: string, from: number, end: number): string {
  const content = line.slice(from + 1, end - 1);
  return content.includes('\\') ? content.replace(/\\(.)/gs, '$1') : content;
}
