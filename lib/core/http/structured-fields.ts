/** Structured fields (RFC 9651): their types, and how they are written. They are read by parse-structured-field.ts. */
export type BareItem =
  | { readonly kind: 'integer' | 'decimal'; readonly value: number }
  /** `display` may hold any characters, the others printable ASCII. */
  | { readonly kind: 'string' | 'token' | 'display'; readonly value: string }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** Seconds since the epoch. */
  | { readonly kind: 'date'; readonly value: number };

export type ItemParameters = ReadonlyMap<string, BareItem>;

export interface Item {
  readonly value: BareItem;
  readonly parameters: ItemParameters;
}

export interface InnerList {
  readonly items: readonly Item[];
  readonly parameters: ItemParameters;
}

export type Member = Item | InnerList;
export type Dictionary = ReadonlyMap<string, Member>;

export const largestInteger = 999_999_999_999_999;

const keyGrammar = /^[a-z*][a-z0-9_.*-]*$/;
const tokenGrammar = /^[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*$/;
const printable = /^[\x20-\x7e]*$/;

export function isInnerList(member: Member): member is InnerList {
  return 'items' in member;
}

/**
 * Writes an item with its parameters (RFC 9651 §4.1.3).
 *
 * @returns undefined when something in it cannot be written, e.g. a string with a line break
 */
export function serialiseItem(
  value: BareItem,
  parameters: Iterable<readonly [key: string, value: BareItem]> = [],
): string | undefined {
  let text = serialiseBareItem(value);
  for (const [key, parameter] of parameters) {
    const written = serialiseBareItem(parameter);
    if (text === undefined || written === undefined || !keyGrammar.test(key)) return undefined;
    text += parameter.value === true ? `;${key}` : `;${key}=${written}`;
  }
  return text;
}

/** Writes a bare item (RFC 9651 §4.1.3.1); undefined when that cannot be done. */
export function serialiseBareItem(item: BareItem): string | undefined {
  switch (item.kind) {
    case 'integer':
      return integer(item.value);
    case 'decimal':
      return decimal(item.value);
    case 'string':
      return printable.test(item.value) ? `"${item.value.replace(/["\\]/g, '\\$&')}"` : undefined;
    case 'token':
      return tokenGrammar.test(item.value) ? item.value : undefined;
    case 'bytes':
      return `:${Buffer.from(item.value).toString('base64')}:`;
    case 'boolean':
      return item.value ? '?1' : '?0';
    case 'date': {
      const seconds = integer(item.value);
      return seconds === undefined ? undefined : `@${seconds}`;
    }
    case 'display':
      return item.value.isWellFormed() ? `%"${percentEncoded(item.value)}"` : undefined;
  }
}

function integer(value: number): string | undefined {
  if (!Number.isInteger(value) || Math.abs(value) > largestInteger) return undefined;
  return String(value === 0 ? 0 : value);
}

/** Three digits behind the point, the last rounded to the nearest, a half to the even one (RFC 9651 §4.1.5). */
function decimal(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  const scaled = Math.abs(value) * 1000;
  const floor = Math.floor(scaled);
  const half = scaled - floor === 0.5;
  const thousandths = half ? floor + (floor % 2) : Math.round(scaled);
  const whole = Math.floor(thousandths / 1000);
  if (whole > 999_999_999_999) return undefined;
  const fraction = String(thousandths % 1000).padStart(3, '0');
  const sign = value < 0 && thousandths > 0 ? '-' : '';
  return `${sign}${String(whole)}.${fraction.replace(/0{1,2}$/, '')}`;
}

/** UTF-8, with everything but printable ASCII as `%xx` in lower case (RFC 9651 §4.1.11). */
function percentEncoded(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8'))
    encoded +=
      byte < 0x20 || byte > 0x7e || byte === 0x25 || byte === 0x22
        ? `%${byte.toString(16).padStart(2, '0')}`
        : String.fromCharCode(byte);
  return encoded;
}
