import { readPath } from '../core/http/path.ts';

/** One segment of a path pattern: itself, `'**'` for any number of them, or one with `*`. */
export type Segment = string | SegmentGlob;

export interface SegmentGlob {
  /** What stands between the `*`. */
  readonly pieces: readonly string[];
}

export interface PathPattern {
  readonly segments: readonly Segment[];
  /** `/a`, and not `/*.php`. */
  readonly literal: boolean;
}

const mostAlternatives = 100;
// eslint-disable-next-line no-control-regex -- exactly these
const controls = /[\0-\x1f\x7f]/;
/** They would begin an escape, a query or a fragment. */
const marks = /[%?#]/g;
const braces = /\{([^{}]*)\}/;

/** Takes a path pattern apart, into several where it has `{a,b}`; or says what is wrong with it. */
export function readPathPattern(text: string): readonly PathPattern[] | string {
  if (text.includes('?'))
    return "has a '?'; patterns are of paths, without a query, and know '*', '**' and '{a,b}'; a RegExp knows more";
  if (/[[\]]/.test(text))
    return "has a '[' or ']'; patterns know '*', '**' and '{a,b}', a RegExp knows more";
  const texts = alternatives(text);
  if (texts === undefined) return `stands for more than ${mostAlternatives} patterns; use a RegExp`;
  const patterns: PathPattern[] = [];
  for (const one of texts) {
    if (/[{}]/.test(one)) return "has a '{' or '}' alone; write '{a,b}' for a choice";
    // As the bytes of the text, which is what clients send, if escaped.
    const { canonical, suspicious } = readPath(Buffer.from(one).toString('latin1'));
    // `/C%23` cannot be written otherwise.
    if (suspicious.some((doubt) => doubt !== 'encoded-delimiter'))
      return otherSpelling(Buffer.from(canonical, 'latin1').toString());
    const parts = canonical.split('/').filter((part) => part !== '');
    if (parts.some((part) => part !== '**' && part.includes('**')))
      return "has '**' beside something else in a segment; write '/**/' for any number of segments";
    patterns.push({ segments: parts.map(segmentOf), literal: !canonical.includes('*') });
  }
  return patterns;
}

function otherSpelling(canonical: string): string {
  if (controls.test(canonical)) return 'has a control character; only a RegExp can match one';
  const escaped = canonical.replace(marks, (mark) => encodeURIComponent(mark));
  return `is not written as paths are compared; write '${escaped}'`;
}

function alternatives(text: string): string[] | undefined {
  let open = [text];
  const done: string[] = [];
  while (open.length > 0) {
    const next: string[] = [];
    for (const one of open) {
      const [whole = '', choice] = braces.exec(one) ?? [];
      if (choice === undefined) done.push(one);
      else for (const word of choice.split(',')) next.push(one.replace(whole, () => word));
      if (done.length + next.length > mostAlternatives) return undefined;
    }
    open = next;
  }
  return done;
}

function segmentOf(part: string): Segment {
  return part === '**' || !part.includes('*') ? part : { pieces: part.split('*') };
}

/** Whether a segment is what a glob leaves open; takes one look at each piece. */
export function matchesSegment({ pieces }: SegmentGlob, segment: string): boolean {
  const first = pieces[0] as string;
  const last = pieces[pieces.length - 1] as string;
  if (segment.length < first.length + last.length) return false;
  if (!segment.startsWith(first) || !segment.endsWith(last)) return false;
  const end = segment.length - last.length;
  let at = first.length;
  for (let index = 1; index < pieces.length - 1; index++) {
    const piece = pieces[index] as string;
    const found = segment.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
