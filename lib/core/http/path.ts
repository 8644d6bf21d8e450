/** Why two servers may read the same path differently. */
export type PathDoubt =
  /** `%2f` */
  | 'encoded-slash'
  /** `/./`, `/../`, in any spelling */
  | 'dot-segment'
  /** a `..` that had nothing left to take away */
  | 'above-root'
  /** `//` */
  | 'double-slash'
  /** `\` or `%5c`, which some servers take for a slash */
  | 'backslash'
  /** `%00`, where some servers end the path */
  | 'nul'
  /** any other control byte, e.g. `%0d%0a` */
  | 'control'
  /** `%252e`: says something else when it is decoded twice */
  | 'double-encoding'
  /** `;v=1`, which servlet containers take off (RFC 3986 §3.3) */
  | 'path-parameter'
  /** `/admin.`, `/admin%20`: Windows takes dots and blanks off the end of a name */
  | 'trailing-dot'
  /** `%61` for `a`: needless, so mostly a disguise (RFC 3986 §6.2.2.2) */
  | 'encoded-unreserved'
  /** `%3f` or `%23`: ends the path for who decodes before splitting. Legitimate in names such as `C%23` */
  | 'encoded-delimiter'
  /** `#`, which no request target may hold (RFC 9112 §3.2.1) */
  | 'fragment'
  /** `%zz`, `%u002f`, or overlong UTF-8 such as `%c0%af` */
  | 'bad-encoding';

export interface PathReading {
  /**
   * The path as the most eager reader sees it: decoded until nothing is left to decode, `\` as `/`,
   * parameters and what `trailing-dot` means taken off, `//` collapsed, dot segments resolved. One character per byte; a pattern
   * with other characters is compared in the spelling of `pathBytes()`.
   */
  readonly canonical: string;
  /** Empty when every server reads this path alike. */
  readonly suspicious: readonly PathDoubt[];
}

/** Finds what may need a closer look; almost no path has any of it. */
const notable = /[^\w.~!$&'()*+,=:@/-]|\/[/.]|\.(?:\/|$)/;
const beyondBytes = /[^\0-\xff]/;
const none: readonly PathDoubt[] = [];

const slash = 0x2f;
const percent = 0x25;

/** Whether the path is its own canonical form and nothing in it can be read in two ways, at the price of one test. */
export function isPlainPath(path: string): boolean {
  return path.charCodeAt(0) === slash && !notable.test(path);
}

/** Splits a request target in origin-form. `query` keeps its `?`, so both together are the target again. */
export function splitTarget(url: string): { path: string; query: string } {
  const mark = url.indexOf('?');
  return mark === -1
    ? { path: url, query: '' }
    : { path: url.slice(0, mark), query: url.slice(mark) };
}

/** The canonical path of a request target; see `readPath()` for what is doubtful about it. */
export function canonicalPath(url: string): string {
  return readPath(splitTarget(url).path).canonical;
}

/** Reads a path (without its query). Never throws, and reading a canonical path again changes nothing. */
export function readPath(path: string): PathReading {
  if (isPlainPath(path)) return { canonical: path, suspicious: none };
  const doubts = new Set<PathDoubt>();
  const canonical = resolve(decode(pathBytes(path), doubts), doubts);
  return { canonical, suspicious: [...doubts] };
}

/** A text as canonical paths spell it: one character per byte of its UTF-8. */
export function pathBytes(text: string): string {
  return beyondBytes.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/**
 * Decodes to the fixed point in one pass: whenever the end of the output has become an escape, the
 * escape is replaced. Decoding again and again instead would be quadratic in `%252525…`.
 */
function decode(path: string, doubts: Set<PathDoubt>): string {
  const codes: number[] = [];
  const decoded: boolean[] = [];
  for (let index = 0; index < path.length; index++) {
    const code = path.charCodeAt(index);
    if (code === 0x23) doubts.add('fragment');
    codes.push(code);
    decoded.push(false);
    while (replaceEscape(codes, decoded, doubts) || replaceOverlong(codes, decoded, doubts));
  }
  if (codes.some((code, index) => code === percent && !decoded[index])) doubts.add('bad-encoding');
  let text = '';
  for (const code of codes) text += String.fromCharCode(code);
  return text;
}

function replaceEscape(codes: number[], decoded: boolean[], doubts: Set<PathDoubt>): boolean {
  const at = codes.length - 3;
  if (codes[at] !== percent) return false;
  const high = hexDigit(codes[at + 1]);
  const low = hexDigit(codes[at + 2]);
  if (high === -1 || low === -1) return false;
  if (decoded[at] || decoded[at + 1] || decoded[at + 2]) doubts.add('double-encoding');
  const code = high * 16 + low;
  noteEscaped(code, doubts);
  replaceFrom(at, code, codes, decoded);
  return true;
}

/** UTF-8 forbids spelling ASCII in two or three bytes (RFC 3629 §3), yet some decoders have accepted it. */
function replaceOverlong(codes: number[], decoded: boolean[], doubts: Set<PathDoubt>): boolean {
  const last = codes.length - 1;
  const [third = 0, second = 0, first = 0] = [codes[last - 2], codes[last - 1], codes[last]];
  if (first >> 6 !== 0b10) return false;
  const two = second === 0xc0 || second === 0xc1;
  const three = third === 0xe0 && (second === 0x80 || second === 0x81);
  if (!two && !three) return false;
  const code = ((second & 1) << 6) | (first & 0x3f);
  doubts.add('bad-encoding');
  noteEscaped(code, doubts);
  replaceFrom(last - (two ? 1 : 2), code, codes, decoded);
  return true;
}

function replaceFrom(at: number, code: number, codes: number[], decoded: boolean[]): void {
  codes.length = at;
  decoded.length = at;
  codes.push(code);
  decoded.push(true);
}

function noteEscaped(code: number, doubts: Set<PathDoubt>): void {
  if (code === slash) doubts.add('encoded-slash');
  else if (code === 0) doubts.add('nul');
  else if (code < 0x20 || code === 0x7f) doubts.add('control');
  else if (code === 0x3f || code === 0x23) doubts.add('encoded-delimiter');
  else if (isUnreserved(code)) doubts.add('encoded-unreserved');
}

/** Takes parameters off, collapses slashes and resolves dot segments (RFC 3986 §5.2.4). */
function resolve(path: string, doubts: Set<PathDoubt>): string {
  if (path.includes('\\')) doubts.add('backslash');
  if (path.includes('\0')) doubts.add('nul');
  const parts = path.split(/[/\\]/);
  if (parts[0] === '') parts.shift();
  const segments: string[] = [];
  let open = false;
  for (const [index, part] of parts.entries()) {
    const segment = withoutDotsAtEnd(withoutParameters(part, doubts), doubts);
    open = segment === '' || segment === '.' || segment === '..';
    if (!open) segments.push(segment);
    else if (segment === '..') {
      doubts.add('dot-segment');
      if (segments.pop() === undefined) doubts.add('above-root');
    } else if (segment === '.') doubts.add('dot-segment');
    else if (index < parts.length - 1) doubts.add('double-slash');
  }
  return `/${segments.join('/')}${open && segments.length > 0 ? '/' : ''}`;
}

function withoutParameters(segment: string, doubts: Set<PathDoubt>): string {
  const mark = segment.indexOf(';');
  if (mark === -1) return segment;
  doubts.add('path-parameter');
  return segment.slice(0, mark);
}

/** A name has to be left: `...` is one, or a dot segment for who takes off a part of it, and doubtful in any case. */
function withoutDotsAtEnd(segment: string, doubts: Set<PathDoubt>): string {
  if (segment === '.' || segment === '..' || !/[. ]$/.test(segment)) return segment;
  doubts.add('trailing-dot');
  let end = segment.length;
  while (end > 0 && (segment[end - 1] === '.' || segment[end - 1] === ' ')) end--;
  return end === 0 ? segment : segment.slice(0, end);
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function isUnreserved(code: number): boolean {
  const letter = code | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f ||
    code === 0x7e
  );
}
