import { fieldKind } from './field-kinds.ts';

/** Names and values in turn, in order and spelling of the sender; latin1, as node:http gives them. */
export type Fields = readonly string[];

/** The members of a comma-separated list such as `Connection`, lower-cased. */
export function listTokens(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '');
}

/** Fields that may not stand in a trailer section (RFC 9110 §6.5.1): they frame, route or authenticate. */
const notInTrailers: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'www-authenticate',
]);

/** The trailer fields a proxy may hand on. */
export function forwardableTrailers(trailers: Fields): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < trailers.length; index += 2) {
    const name = trailers[index] as string;
    const lower = name.toLowerCase().replaceAll('_', '-');
    if (notInTrailers.has(lower) || lower.startsWith('x-forwarded-')) continue;
    if (fieldKind(name) === 'identity') continue;
    kept.push(name, trailers[index + 1] as string);
  }
  return kept;
}

/** A list of fields a user's hook may change. Names are compared without case. */
export class FieldList {
  readonly #fields: string[];

  constructor(fields: Fields) {
    this.#fields = [...fields];
  }

  get(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(', ');
  }

  getAll(name: string): string[] {
    const lower = name.toLowerCase();
    const values: string[] = [];
    for (const [key, value] of this) if (key.toLowerCase() === lower) values.push(value);
    return values;
  }

  has(name: string): boolean {
    return this.getAll(name).length > 0;
  }

  set(name: string, value: string | readonly string[]): void {
    this.delete(name);
    for (const single of typeof value === 'string' ? [value] : value) this.append(name, single);
  }

  append(name: string, value: string): void {
    this.#fields.push(name, value);
  }

  delete(name: string): void {
    const lower = name.toLowerCase();
    for (let index = this.#fields.length - 2; index >= 0; index -= 2)
      if ((this.#fields[index] as string).toLowerCase() === lower) this.#fields.splice(index, 2);
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let index = 0; index < this.#fields.length; index += 2)
      yield [this.#fields[index] as string, this.#fields[index + 1] as string];
  }

  /** Names and values in turn. */
  toArray(): string[] {
    return [...this.#fields];
  }
}
