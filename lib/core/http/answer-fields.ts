import { forwardableTrailers, listTokens, type Fields } from './fields.ts';
import { memoised } from './memo.ts';

type AnswerFieldKind = 'pass' | 'drop' | 'connection' | 'content-length' | 'via' | 'trailer';

interface AnswerField {
  readonly lower: string;
  readonly kind: AnswerFieldKind;
}

/** Fields of the connection to the server (RFC 9110 §7.6.1), and pseudo-fields of HTTP/2. */
const kinds: ReadonlyMap<string, AnswerFieldKind> = new Map<string, AnswerFieldKind>([
  ['connection', 'connection'],
  ['content-length', 'content-length'],
  ['via', 'via'],
  ['trailer', 'trailer'],
  ...[
    'keep-alive',
    'proxy-authenticate',
    'proxy-authentication-info',
    'proxy-connection',
    'te',
    'transfer-encoding',
    'upgrade',
    ':status',
  ].map((name) => [name, 'drop'] as const),
]);

const answerField: (name: string) => AnswerField = memoised((name) => {
  const lower = name.toLowerCase();
  return { lower, kind: kinds.get(lower) ?? 'pass' };
});

/** What an answer is made of once the connection's own fields are gone. */
export interface AnswerFields {
  /** Names and values in turn, in the order of the server, with our `Via` at the end. */
  readonly fields: string[];
  /** `Content-Length` as stated, if any. */
  readonly length: string | undefined;
  /** The server announced trailers that may be handed on. */
  readonly trailer: string | undefined;
}

/**
 * The fields of a server's answer that go on to the client.
 *
 * @param has whether a lower-cased name is not to be taken from the server: it was set here, or is to be stripped
 * @param via the `Via` member of this proxy; undefined adds none
 */
export function answerFields(
  from: Fields,
  has: ((lower: string) => boolean) | undefined,
  via: string | undefined,
): AnswerFields {
  const fields: string[] = [];
  let length: string | undefined;
  let trailer: string | undefined;
  let vias: string | undefined;
  let named: string[] | undefined;
  for (let index = 0; index < from.length; index += 2) {
    const name = from[index] as string;
    const value = from[index + 1] as string;
    const { lower, kind } = answerField(name);
    switch (kind) {
      case 'pass':
        if (has?.(lower) !== true) fields.push(name, value);
        break;
      case 'drop':
        break;
      case 'connection':
        if (value !== 'keep-alive' && value !== 'close')
          named = (named ?? []).concat(listTokens(value));
        break;
      case 'content-length':
        length = value;
        break;
      case 'trailer':
        trailer = trailer === undefined ? value : `${trailer}, ${value}`;
        break;
      case 'via':
        if (has?.(lower) !== true) vias = vias === undefined ? value : `${vias}, ${value}`;
        break;
    }
  }
  if (named !== undefined)
    for (let index = fields.length - 2; index >= 0; index -= 2)
      if (named.includes(answerField(fields[index] as string).lower)) fields.splice(index, 2);
  if (vias !== undefined && via !== undefined) fields.push('Via', `${vias}, ${via}`);
  else if (vias !== undefined || via !== undefined) fields.push('Via', (vias ?? via) as string);
  return { fields, length, trailer: trailer === undefined ? undefined : announced(trailer) };
}

/** The names of a `Trailer` field that may be handed on, if any. */
function announced(trailer: string): string | undefined {
  const pairs = listTokens(trailer).flatMap((name) => [name, '']);
  const names = forwardableTrailers(pairs).filter((_, at) => at % 2 === 0);
  return names.length === 0 ? undefined : names.join(', ');
}
