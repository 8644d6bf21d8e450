import { fieldLines, trimmed } from './field-lines.ts';
import type { Fields } from './fields.ts';

/** As many groups as an answer may have. */
const mostTags = 128;
/** What Cloudflare and Fastly allow, too. */
const longestTag = 1024;
const writable = /^[\x20-\x7e\x80-\xff]+$/;

/**
 * The groups an answer belongs to, by which it can be cleared: the members of `Cache-Tag`, parted by commas
 * (Cloudflare's field), then those of `Surrogate-Key`, parted by blanks (Fastly's); case-sensitive, each once.
 * Left out are those longer than 1,024 characters or with control characters, and all behind the first 128.
 */
export function cacheTags(answer: Fields): string[] {
  const cacheTag = fieldLines(answer, 'cache-tag');
  const surrogateKey = fieldLines(answer, 'surrogate-key');
  if (cacheTag.length + surrogateKey.length === 0) return [];
  const tags = new Set<string>();
  collect(tags, cacheTag, /,/);
  collect(tags, surrogateKey, /[ \t]/);
  return [...tags];
}

function collect(tags: Set<string>, lines: readonly string[], separator: RegExp): void {
  for (const line of lines)
    for (const part of line.split(separator)) {
      if (tags.size === mostTags) return;
      const tag = trimmed(part);
      if (tag.length <= longestTag && writable.test(tag)) tags.add(tag);
    }
}
