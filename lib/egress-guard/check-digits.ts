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

/** Ranges of the first six digits of those who issue cards, and the lengths of their numbers. */
const issuers: readonly (readonly [from: number, to: number, lengths: readonly number[]])[] = [
  [222_100, 272_099, [16]], // Mastercard
  [300_000, 305_999, [14, 16, 17, 18, 19]], // Diners Club
  [340_000, 349_999, [15]], // American Express
  [352_800, 358_999, [16, 17, 18, 19]], // JCB
  [360_000, 369_999, [14, 16, 17, 18, 19]], // Diners Club
  [370_000, 379_999, [15]], // American Express
  [380_000, 399_999, [14, 16, 17, 18, 19]], // Diners Club
  [400_000, 499_999, [13, 16, 19]], // Visa
  [510_000, 559_999, [16]], // Mastercard
  [601_100, 601_199, [16, 17, 18, 19]], // Discover
  [620_000, 629_999, [16, 17, 18, 19]], // UnionPay
  [644_000, 659_999, [16, 17, 18, 19]], // Discover
];

/** Begins and is as long as the number of a card. */
export function hasCardIssuer(digits: string): boolean {
  let prefix = 0;
  for (let index = 0; index < 6; index++) prefix = prefix * 10 + digits.charCodeAt(index) - zero;
  for (const [from, to, lengths] of issuers)
    if (prefix <= to) return prefix >= from && lengths.includes(digits.length);
  return false;
}

export function isCardNumber(digits: string): boolean {
  return hasCardIssuer(digits) && luhn(digits);
}
