import assert from 'node:assert/strict';
import test from 'node:test';
import {
  isCardNumber,
  isCorporateNumber,
  isMyNumber,
  luhn,
} from '../../lib/egress-guard/check-digits.ts';

for (const [name, check, right, wrong] of [
  [
    'card numbers',
    isCardNumber,
    [
      '4111111111111111',
      '5555555555554444',
      '2223003122003222',
      '378282246310005',
      '3530111333300000',
      '30569309025904',
      '6011111111111117',
      '6205500000000000004',
    ],
    [
      '4111111111111112',
      '9111111111111111',
      '411111111111111',
      '1234567812345670',
      '0000000000000000',
    ],
  ],
  [
    '個人番号',
    isMyNumber,
    ['123456789018', '000000000000'],
    ['123456789012', '12345678901', '1234567890188'],
  ],
  [
    '法人番号',
    isCorporateNumber,
    ['7000012050002', '9234567890123'],
    ['8000012050002', '700001205000', '70000120500022'],
  ],
] as const)
  test(`${name}: ${right.length} right ones, ${wrong.length} wrong ones`, () => {
    for (const digits of right) assert.equal(check(digits), true, digits);
    for (const digits of wrong) assert.equal(check(digits), false, digits);
  });

for (const check of [luhn, isMyNumber, isCorporateNumber] as const)
  test(`${check.name} finds each single wrong digit, or nearly`, () => {
    const right =
      check === isMyNumber ? '123456789018' : check === luhn ? '4111111111111111' : '7000012050002';
    let passed = 0;
    for (let place = 0; place < right.length; place++)
      for (let digit = 0; digit < 10; digit++) {
        if (right[place] === String(digit)) continue;
        const slip = `${right.slice(0, place)}${digit}${right.slice(place + 1)}`;
        if (check(slip)) passed++;
      }
    // Modulo 11 has two rests for the digit 0, modulo 9 takes 0 for 9.
    assert.ok(passed <= (check === luhn ? 0 : 13), String(passed));
  });
