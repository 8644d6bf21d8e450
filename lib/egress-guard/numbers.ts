import { hasCardIssuer, isCardNumber, isCorporateNumber, isMyNumber } from './check-digits.ts';
import type { Detector, Sighting, View } from './detector.ts';
import { digitsOf, type DigitGroup } from './digit-groups.ts';
import { hashOf } from './distinct.ts';
import { KeywordSearch } from './keyword-search.ts';
import { keywordPatterns } from './keywords.ts';
import type { EgressRule, Severity } from './rules.ts';

export type NumberKind = 'card-number' | 'my-number' | 'corporate-number';

interface NumberForm {
  readonly severity: Severity;
  /** Digits of each group; what begins like several of them is the first. */
  readonly groups: readonly (readonly number[])[];
  /** What has the form, right or wrong: the measure for how many are right. */
  readonly isCandidate: (digits: string) => boolean;
  readonly isValid: (digits: string) => boolean;
  readonly keywords: readonly string[];
}

const forms: Readonly<Record<NumberKind, NumberForm>> = {
  'card-number': {
    severity: 'high',
    groups: [
      ...[[13], [14], [15], [16], [17], [18], [19]],
      ...[
        [4, 4, 4, 4, 3],
        [4, 4, 4, 4],
        [4, 6, 5],
        [4, 6, 4],
      ],
    ],
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
    groups: [[12], [4, 4, 4]],
    isCandidate: () => true,
    isValid: isMyNumber,
    // prettier-ignore
    keywords: [
      'my number', 'mynumber', 'my no', 'individual number', 'kojin bango', 'kojinbango', 'jpki', 'マイナンバー', '個人番号', '個人ナンバー', 'マイナ',
      '源泉徴収', '特定個人情報',
    ],
  },
  'corporate-number': {
    severity: 'medium',
    groups: [[13], [1, 4, 4, 4]],
    isCandidate: () => true,
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
  const keywords = keywordPatterns(form.keywords);
  const groupings = Map.groupBy(form.groups, ([first]) => first);
  return () => new NumberDetector(kind, form, groupings, keywords);
}

/** Ways to write a number, by the digits of its first group. */
type Groupings = ReadonlyMap<number | undefined, readonly (readonly number[])[]>;

const none: readonly (readonly number[])[] = [];

class NumberDetector implements Detector {
  readonly #rule: EgressRule;
  readonly #form: NumberForm;
  readonly #groupings: Groupings;
  readonly #keywords: KeywordSearch;
  /** Hashes of the ones without a keyword. */
  readonly #values = new Set<number>();
  #candidates = 0;
  #valid = 0;

  constructor(
    rule: EgressRule,
    form: NumberForm,
    groupings: Groupings,
    keywords: readonly RegExp[],
  ) {
    this.#rule = rule;
    this.#form = form;
    this.#groupings = groupings;
    this.#keywords = new KeywordSearch(keywords);
  }

  scan({ text, digitGroups }: View): Sighting | undefined {
    const { isCandidate, isValid } = this.#form;
    for (const first of digitGroups) {
      const groups = this.#groupsFrom(first);
      if (groups === 0) continue;
      const digits = digitsOf(text, first, groups);
      if (!isCandidate(digits)) continue;
      this.#candidates++;
      if (!isValid(digits)) continue;
      this.#valid++;
      const at = first.start;
      if (this.#keywords.isNear(text, at, endOf(first, groups))) return this.#sighting(at, digits);
      if (this.#isOneOfMany(digits)) return { ...this.#sighting(at, digits), values: manyValues };
    }
    return undefined;
  }

  /** @returns how many groups are a number of this kind; 0 when none begins here */
  #groupsFrom(first: DigitGroup): number {
    for (const sizes of this.#groupings.get(first.size) ?? none)
      if (isGrouped(first, sizes)) return sizes.length;
    return 0;
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

function isGrouped(first: DigitGroup, sizes: readonly number[]): boolean {
  let group: DigitGroup | undefined = first;
  for (const size of sizes) {
    if (group?.size !== size) return false;
    group = group.next;
  }
  return true;
}

function endOf(first: DigitGroup, groups: number): number {
  let group = first;
  for (let left = groups; left > 1 && group.next !== undefined; left -= 1) group = group.next;
  return group.end;
}
