/** Numbers that carry a digit by which a slip of the pen is found. All take digits only. */

/** ISO/IEC 7812-1 Annex B (Luhn): payment cards. */
export function luhn(digits: string): boolean {
  let sum = 0;
  for (let index = digits.length - 1, double = false; index >= 0; index--, double = !double) {
    const digit = digits.charCodeAt(index) - zero;
    sum += double ? (digit < 5 ? digit * 2 : digit * 2 - 9) : digit;
  }
  return sum % 10 === 0;
}

/** A 個人番号 ("My Number"): 12 digits, the last one checks (総務省令第85号 of 2014, article 5). */
export function isMyNumber(digits: string): boolean {
  if (digits.length !== 12) return false;
  let sum = 0;
  for (let place = 1; place <= 11; place++)
    sum += (digits.charCodeAt(11 - place) - zero) * (place <= 6 ? place + 1 : place - 5);
  const rest = sum % 11;
  return digits.charCodeAt(11) - zero === (rest <= 1 ? 0 : 11 - rest);
}

/** A 法人番号 (Corporate Number): 13 digits, the first one checks (財務省令第70号 of 2014, article 2). */
export function isCorporateNumber(digits: string): boolean {
  if (digits.length !== 13) return false;
  let sum = 0;
  for (let place = 1; place <= 12; place++)
    sum += (digits.charCodeAt(13 - place) - zero) * (place % 2 === 1 ? 1 : 2);
  return digits.charCodeAt(0) - zero === 9 - (sum % 9);
}

const zero = 48;

/** First digits of those who issue cards, and the lengths of their numbers. */
const issuers: readonly (readonly [prefix: RegExp, lengths: readonly number[]])[] = [
  [/^4/, [13, 16, 19]], // Visa
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]], // Mastercard
  [/^3[47]/, [15]], // American Express
  [/^35(?:2[89]|[3-8])/, [16, 17, 18, 19]], // JCB
  [/^3(?:0[0-5]|[689])/, [14, 16, 17, 18, 19]], // Diners Club
  [/^(?:6011|64[4-9]|65)/, [16, 17, 18, 19]], // Discover
  [/^62/, [16, 17, 18, 19]], // UnionPay
];

/** Begins and is as long as the number of a card. */
export function hasCardIssuer(digits: string): boolean {
  const first = digits.charCodeAt(0) - zero;
  if (first < 2 || first > 6) return false;
  return issuers.some(
    ([prefix, lengths]) => lengths.includes(digits.length) && prefix.test(digits),
  );
}

export function isCardNumber(digits: string): boolean {
  return hasCardIssuer(digits) && luhn(digits);
}
