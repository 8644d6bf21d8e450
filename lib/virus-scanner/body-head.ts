import { codingsOf, type Coding } from '../core/decoding/content-decoder.ts';
import type { Finding } from './ruling.ts';
import { isEndless, mediaTypeOf, skipsType, type SkipRules } from './skip.ts';

/** What is known of a body before its first byte. */
export interface BodyHead {
  readonly type: string | undefined;
  readonly encoding: string | undefined;
  readonly length: string | undefined;
  /** Why it cannot be judged whatever is in it. */
  readonly obstacle: string | undefined;
}

/** Whether it is scanned: how it is encoded, `'skip'`, or why it cannot be. */
export function judgeHead(
  { type, encoding, length, obstacle }: BodyHead,
  { skip, maxSize }: { readonly skip: SkipRules; readonly maxSize: number },
): readonly Coding[] | 'skip' | Finding {
  const mediaType = mediaTypeOf(type);
  if (skipsType(skip, mediaType)) return 'skip';
  if (obstacle !== undefined) return unscannable(obstacle);
  if (isEndless(mediaType)) return unscannable(`${mediaType} has no end; name it in skip.types`);
  const codings = codingsOf(encoding);
  if (codings === undefined) return unscannable('unknown content encoding');
  if (Number(length) > maxSize) return { outcome: 'oversize', finding: 'larger than maxSize' };
  return codings;
}

function unscannable(finding: string): Finding {
  return { outcome: 'unscannable', finding };
}
