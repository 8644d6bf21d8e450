import { hasCardIssuer, isCardNumber, isCorporateNumber, isMyNumber } from './check-digits.ts';
import { hasKeywordNear, type Detector, type Sighting, type View } from './detector.ts';
import { hashOf } from './distinct.ts';
import { keywordPattern } from './keywords.ts';
import type { EgressRule, Severity } from './rules.ts';

export type NumberKind = 'card-number' | 'my-number' | 'corporate-number';

interface NumberForm {
  readonly severity: Severity;
  /** Takes one character; what may be a number that begins there is in the first group. */
  readonly pattern: RegExp;
  /** What has the form, right or wrong: the measure for how many are right. */
  readonly isCandidate: (digits: string) => boolean;
  readonly isValid: (digits: string) => boolean;
  readonly keywords: readonly string[];
}

/** A digit, also one of full width in UTF-8; the low half of its last byte is its value. */
const digit = '(?:\\d|\\xef\\xbc[\\x90-\\x99])';
/** Between groups of digits; the long ones are the dashes and the space of full width, in UTF-8. */
const gap = '(?:[ +-]|\\xe2\\x80[\\x90-\\x95]|\\xe3\\x80\\x80|\\xef\\xbc\\x8d)';
/** Groups are told apart by the same gap, or none. */
function grouped(...sizes: readonly number[]): string {
  return sizes.map((size) => `${digit}{${size}}`).join(gap);
}

/**
 * At each digit that no digit stands before: what begins there, with no more digits behind.
 *
 * @param first what the first digit may be
 */
function formOf(first: string, ...forms: readonly string[]): RegExp {
  return new RegExp(
    `[${first}](?<!\\d.|\\d\\.\\d|\\xef\\xbc[\\x90-\\x99].)(?<=(?=(${forms.join('|')})(?!${digit}|\\.\\d)).)`,
    'gs',
  );
}

const anyDigit = '\\d\\xef';

const forms: Readonly<Record<NumberKind, NumberForm>> = {
  'card-number': {
    severity: 'high',
    pattern: formOf(
      '2-6',
      '\\d{13,19}',
      grouped(4, 4, 4, 4, 3),
      grouped(4, 4, 4, 4),
      grouped(4, 6, 5),
      grouped(4, 6, 4),
    ),
    isCandidate: hasCardIssuer,
    isValid: isCardNumber,
    // prettier-ignore
    keywords: [
      'card', 'cards', 'card number', 'card no', 'credit card', 'debit card', 'credit', 'cvv', 'cvc', 'pan', 'expiry', 'expires', 'expiration',
      'visa', 'mastercard', 'amex', 'american express', 'jcb', 'diners', 'cc number', 'ccnum',
      'カード', 'クレジット', 'カード番号', '有効期限', '決済',
    ],
  },
  'my-number': {
    severity: 'high',
    pattern: formOf(anyDigit, `${digit}{12}`, grouped(4, 4, 4)),
    isCandidate: (digits) => digits.length === 12,
    isValid: isMyNumber,
    // prettier-ignore
    keywords: [
      'my number', 'mynumber', 'my no', 'individual number', 'kojin bango', 'kojinbango', 'jpki', 'マイナンバー', '個人番号', '個人ナンバー', 'マイナ',
      '源泉徴収', '特定個人情報',
    ],
  },
  'corporate-number': {
    severity: 'medium',
    pattern: formOf(anyDigit, `${digit}{13}`, grouped(1, 4, 4, 4)),
    isCandidate: (digits) => digits.length === 13,
    isValid: isCorporateNumber,
    keywords: [
      ...['corporate number', 'corporation number', 'houjin bangou', 'hojin bango', 'hojinbango'],
      ...['法人番号', '会社法人等番号'],
    ],
  },
};

/** Check digits alone are right for every tenth number: without a keyword so many different ones are needed … */
const manyValues = 10;
/** … and that this part of all that have the form are right, which no serial numbers are. */
const mostly = 0.5;

/** Twelve digits are the fewest; written in groups, two of four have one gap between them. */
export const numberHint =
  /\d{4}(?:\d{8}|[ +\xe2\xe3\xef-][\x80-\xbf]{0,2}\d{4})|\xef\xbc[\x90-\x99]\xef\xbc/;

export function numberDetector(kind: NumberKind): () => Detector {
  const form = forms[kind];
  const keywords = keywordPattern(form.keywords);
  return () => new NumberDetector(kind, form, keywords);
}

class NumberDetector implements Detector {
  readonly hint = numberHint;
  readonly #rule: EgressRule;
  readonly #form: NumberForm;
  readonly #keywords: RegExp;
  /** Hashes of the ones without a keyword. */
  readonly #values = new Set<number>();
  #candidates = 0;
  #valid = 0;

  constructor(rule: EgressRule, form: NumberForm, keywords: RegExp) {
    this.#rule = rule;
    this.#form = form;
    this.#keywords = keywords;
  }

  scan({ text, from, to }: View): Sighting | undefined {
    const { pattern, isCandidate, isValid } = this.#form;
    // Most texts have numbers or keywords, not both.
    let keywords: boolean | undefined;
    pattern.lastIndex = from;
    for (;;) {
      const match = pattern.exec(text);
      if (match === null || match.index >= to) return undefined;
      const written = match[1] as string;
      const digits = digitsOf(written);
      if (!isCandidate(digits)) continue;
      this.#candidates++;
      if (!isValid(digits)) continue;
      this.#valid++;
      const at = match.index;
      keywords ??= this.#keywords.test(text);
      if (keywords && hasKeywordNear(text, at, at + written.length, this.#keywords))
        return this.#sighting(at, digits);
      if (this.#isOneOfMany(digits)) return { ...this.#sighting(at, digits), values: manyValues };
    }
  }

  #isOneOfMany(digits: string): boolean {
    const values = this.#values;
    if (values.size < manyValues) values.add(hashOf(digits));
    return values.size >= manyValues && this.#valid >= this.#candidates * mostly;
  }

  #sighting(at: number, value: string): Sighting {
    return { rule: this.#rule, kind: this.#rule, severity: this.#form.severity, at, value };
  }
}

function digitsOf(written: string): string {
  if (!/[^\d]/.test(written)) return written;
  return written
    .replace(/\xef\xbc([\x90-\x99])/g, (_, last: string) => String(last.charCodeAt(0) & 0x0f))
    .replace(/\D+/g, '');
}
