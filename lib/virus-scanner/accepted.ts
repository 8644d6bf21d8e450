import { fieldsWhere } from '../core/http/field-lines.ts';
import type { Fields } from '../core/http/fields.ts';
import { lowerName } from '../core/http/memo.ts';

/** Part of a body is nothing an engine can judge, and neither is what has to be put together with an older one. */
const partial: ReadonlySet<string> = new Set(['range', 'if-range', 'a-im', 'available-dictionary']);
const readable: ReadonlySet<string> = new Set([
  'gzip',
  'x-gzip',
  'deflate',
  'br',
  'zstd',
  'identity',
]);

/** The fields of a request whose answer is to be scanned: it asks for all of it, in codings that can be undone. */
export function scannableRequest(fields: Fields): string[] {
  const kept = fieldsWhere(fields, (name) => !partial.has(name));
  for (let at = 0; at < kept.length; at += 2)
    if (lowerName(kept[at] as string) === 'accept-encoding')
      kept[at + 1] = readableCodings(kept[at + 1] as string);
  return kept;
}

function readableCodings(value: string): string {
  const members = value.split(',').filter((member) => {
    const name = member.split(';', 1)[0]?.trim().toLowerCase() ?? '';
    return readable.has(name);
  });
  return members.length === 0 ? 'identity' : members.map((member) => member.trim()).join(', ');
}
