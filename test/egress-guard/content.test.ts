/* eslint-disable @typescript-eslint/no-unnecessary-template-expression -- put together, so that this file is no find for other scanners */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { safePattern } from '../../lib/core/patterns/safe-pattern.ts';
import { detectorKit } from '../../lib/egress-guard/detectors.ts';
import { egressSchema, type EgressGuardOptions } from '../../lib/egress-guard/options.ts';
import { FormDecoder } from '../../lib/egress-guard/percent-decoding.ts';
import { Scanner } from '../../lib/egress-guard/scanner.ts';

interface Seen {
  readonly kind: string;
  readonly offset: number;
  readonly value: string;
}

function kitOf(options: EgressGuardOptions): ReturnType<typeof detectorKit> {
  return detectorKit(egressSchema.parse(options));
}

const kit = kitOf({
  fileTypes: { deny: ['zip', 'exe', 'sqlite'] },
  patterns: {
    custom: [
      { name: 'project', pattern: /\bPRJ-\d{4}\b/ },
      { name: 'staff', pattern: /(?<=no\. )\d{6}\b/, keywords: ['employee', '社員'] },
      { name: 'plan', pattern: /関ヶ原.{0,5}計画/ },
      { name: 'long', pattern: /begin-[a-z]+-end/ },
    ],
  },
});

function look(pieces: Iterable<Buffer>, of = kit): Seen[] {
  const seen: Seen[] = [];
  const scanner = new Scanner(
    of.body.map((make) => make()),
    ({ kind, value }, offset) => seen.push({ kind, offset, value }),
  );
  for (const piece of pieces) scanner.write(piece);
  scanner.flush();
  return seen.sort((a, b) => a.offset - b.offset);
}

const samples: Readonly<Record<string, readonly (string | Buffer)[]>> = {
  'aws-access-key': [`id AKIA${'IOSFODNN7EXAMPLE'} here`, `/AKIA${'1234567890ABCDEF'}/`],
  'google-api-key': [`key=AIza${'SyA-1234567890abcdefghijklmnopqrstu'}&`],
  'azure-key': [`AccountName=a;AccountKey=${'Zm9vYmFy'.repeat(10)}Zm9vYg==;Endpoint`],
  'github-token': [
    `token ghp_${'a1B2'.repeat(9)} `,
    `github_pat_${'A1'.repeat(11)}_${'z'.repeat(59)}`,
  ],
  'gitlab-token': [`glpat-${'x1Y2z3W4v5U6t7S8r9Q0'}`],
  'slack-token': [`xoxb-${'123456789012-abcDEF'}`],
  'slack-webhook': [
    `https://hooks.slack.com/services/T${'01234567'}/B${'01234567'}/${'aB3'.repeat(8)}`,
  ],
  'stripe-key': [`sk_live_${'4eC39HqLyjWDarjtT1zdp7dc'}`],
  'private-key': [
    `-----BEGIN ${'RSA PRIVATE'} KEY-----\nMIIE`,
    `{"k":"-----BEGIN ${'PRIVATE'} KEY-----\\nMIIE"}`,
    `-----BEGIN ${'OPENSSH PRIVATE'} KEY-----`,
    `-----BEGIN ${'PGP PRIVATE'} KEY BLOCK-----`,
  ],
  jwt: [
    `t eyJ${'hbGciOiJIUzI1NiJ9'}.eyJ${'zdWIiOiIxMjM0NTY3ODkwIn0'}.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P`,
  ],
  credential: [
    `"api_key": "a8F3kd92lsKq0Zx7Vb1n"`,
    'client_secret=Qm93bC1vZi1mcnVpdC0xMjM',
    'PASSWORD_HASH : "x9$"; DB_PASSWORD = "k3Jd9sLq2PzX8vBn4TmW"',
  ],
  'card-number': [
    'Visa 4111111111111111',
    'card: 4111 1111 1111 1111 exp',
    'card: 4111-1111-1111-1111',
    'amex 3782 822463 10005',
    'カード番号 5555555555554444',
    'jcb\t3530111333300000;',
    `${'x'.repeat(290)} 6011111111111117 ${'y'.repeat(280)} credit card`,
    'numbers: 4111111111111111,4012888888881881,4222222222222,5555555555554444,5105105105105100,378282246310005,371449635398431,6011111111111117,6011000990139424,3530111333300000',
  ],
  'my-number': [
    'マイナンバー：123456789018。',
    'my number 1234 5678 9018',
    '個人番号 １２３４５６７８９０１８',
    '個人番号 １２３４ ５６７８ ９０１８',
    '{"\\u30de\\u30a4\\u30ca\\u30f3\\u30d0\\u30fc":"123456789018"}',
    Buffer.concat([
      Buffer.from([0x8c, 0xc2, 0x90, 0x6c, 0x94, 0xd4, 0x8d, 0x86]),
      Buffer.from(',123456789018\r\n'),
    ]),
  ],
  'corporate-number': ['法人番号 7000012050002', 'corporate number: 7-0000-1205-0002'],
  project: ['see PRJ-2041.'],
  staff: ['employee no. 123456', '社員 no. 123456'],
  plan: ['極秘 関ヶ原 の 計画'],
  long: [`x begin-${'z'.repeat(900)}-end x`],
  zip: [
    'PK\x03\x04\x14\0\0\0\x08\0a.txt and so on, and on, and on',
    '--b1\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nPK\x03\x04\x14\0\0\0..........\r\n--b1--',
  ],
  exe: ['MZ\x90\0\x03'],
};

for (const [kind, texts] of Object.entries(samples))
  test(`${kind}: ${texts.length} samples are seen, at their place, wherever the network cuts them`, () => {
    for (const text of texts) {
      const bytes =
        typeof text === 'string'
          ? Buffer.from(text, text.includes('\x90') ? 'latin1' : 'utf8')
          : text;
      const whole = look([bytes]);
      assert.deepEqual(
        whole.map((seen) => seen.kind),
        [kind],
        String(text),
      );
      for (let cut = 1; cut < bytes.length; cut++)
        assert.deepEqual(
          look([bytes.subarray(0, cut), bytes.subarray(cut)]),
          whole,
          `cut at ${cut}`,
        );
      assert.deepEqual(look([...bytes].map((byte) => Buffer.from([byte]))), whole, 'byte by byte');
      // And so that each cut is one where the scanner really looks.
      if (kind === 'zip' || kind === 'exe') continue;
      const lead = Buffer.alloc(13 * 700, 'lorem ipsum\r\n');
      const far = Buffer.concat([lead, bytes, Buffer.from(' '), lead]);
      const there = look([far]);
      assert.deepEqual(
        there,
        whole.map((seen) => ({ ...seen, offset: seen.offset + lead.length })),
        String(text),
      );
      for (let cut = lead.length; cut < lead.length + bytes.length; cut++)
        for (const [from, to] of [
          [cut, cut],
          [cut - 4096, cut],
          [cut, cut + 2560],
          [cut, cut + 4096],
        ] as const) {
          const pieces = [far.subarray(0, from), far.subarray(from, to), far.subarray(to)];
          assert.deepEqual(look(pieces), there, `cut at ${from} and ${to}`);
        }
    }
  });

for (const [what, text] of [
  [
    'a word that begins like a key',
    'AKIAnderson said AIzawa and sk_live_music at -----BEGIN CERTIFICATE-----',
  ],
  ['a signed URL', 'https://bucket.example/?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260504'],
  ['a card number without a keyword', 'order 4111111111111111 of today'],
  ['a keyword too far away', `card ${'a '.repeat(160)}4111111111111111 ${'a '.repeat(160)}`],
  ['a number with a wrong check digit', 'card 4111111111111112, my number 123456789012'],
  ['a number of more digits', 'card 94111111111111111111112'],
  ['a number with decimals', 'card 4111111111111111.25 and 0.4111111111111111'],
  [
    'words for a secret',
    '"secret": "thequickbrownfoxjumpsover", "api_key": "YOUR_API_KEY_GOES_HERE"',
  ],
  [
    'a number of full width of more digits',
    '個人番号 ９１２３４５６７８９０１８１ と １１２３４５６７８９０１８',
  ],
  ['a public key', '-----BEGIN PUBLIC KEY-----'],
  ['prose', 'The quick brown fox, 2026-05-04T12:00:00Z, +81 3 1234 5678, 192.0.2.1'],
  [
    'times in milliseconds',
    Array.from({ length: 3000 }, (_, index) => 1_777_852_800_000 + index * 7919).join(','),
  ],
  [
    'random numbers of 16 digits',
    Array.from(
      { length: 3000 },
      (_, index) => 4_000_000_000_000_000 + index * 104_729_003_111,
    ).join(','),
  ],
  [
    'random numbers of 12 digits',
    Array.from({ length: 3000 }, (_, index) => 100_000_000_000 + index * 104_729_003).join('\n'),
  ],
] as const)
  test(`${what} is nothing`, () => {
    assert.deepEqual(look([Buffer.from(text)]), []);
  });

test('the first of a kind is told, and the rest of the body is looked through for the others', () => {
  const one = `AKIA${'IOSFODNN7EXAMPLE'} `;
  const text = one.repeat(2000) + `sk_live_${'4eC39HqLyjWDarjtT1zdp7dc'}`;
  assert.deepEqual(
    look([Buffer.from(text)]).map(({ kind, offset }) => [kind, offset]),
    [
      ['aws-access-key', 0],
      ['stripe-key', one.length * 2000],
    ],
  );
});

test('what was looked at during a silence is looked at again with what follows', () => {
  const bytes = Buffer.from(`${'lorem '.repeat(1000)}my AKIA${'IOSFODNN7EXAMPLE'} here`);
  for (let cut = bytes.length - 40; cut < bytes.length; cut++) {
    const seen: number[] = [];
    const scanner = new Scanner(
      kit.body.map((make) => make()),
      (_, offset) => seen.push(offset),
    );
    scanner.write(bytes.subarray(0, cut));
    scanner.flush();
    scanner.write(bytes.subarray(cut));
    scanner.flush();
    assert.deepEqual(seen, [bytes.indexOf('AKIA')], `cut at ${cut}`);
  }
});

test('any bytes, cut anywhere: the same is seen, and nothing is thrown', () => {
  const interesting = Object.values(samples)
    .flat()
    .map((sample) => Buffer.from(sample as string));
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom(...interesting),
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      (parts, cuts) => {
        const bytes = Buffer.concat(parts);
        const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
        const pieces = [0, ...places].map((place, index) =>
          bytes.subarray(place, places[index] ?? bytes.length),
        );
        assert.deepEqual(look(pieces), look([bytes]));
      },
    ),
    { numRuns: 60 },
  );
});

test('a form is undone the same, wherever it is cut', () => {
  const bytes = Buffer.from('a=1%41%zz%4&b+c=%E3%81%82%%41%2');
  const undo = (...pieces: Buffer[]): string => {
    const decoder = new FormDecoder();
    return Buffer.concat([
      ...pieces.map((piece) => decoder.write(piece)),
      decoder.end(),
    ]).toString();
  };
  assert.equal(undo(bytes), 'a=1A%zz%4&b c=あ%A%2');
  for (let cut = 0; cut <= bytes.length; cut++)
    assert.equal(undo(bytes.subarray(0, cut), bytes.subarray(cut)), undo(bytes), `cut at ${cut}`);
});

test('patterns that could stall are run in another way, or refused', () => {
  const pattern = safePattern(/^(a+)+$/);
  assert.deepEqual(
    look([Buffer.alloc(20_000, 'a')], kitOf({ patterns: [{ name: 'a', pattern: /(a+)+b$/ }] })),
    [],
  );
  assert.equal(pattern.test('aaaa'), true);
});

test('kinds that are turned off are not looked for', () => {
  const text = [
    Buffer.from(`card 4111111111111111 AKIA${'IOSFODNN7EXAMPLE'} 法人番号 7000012050002`),
  ];
  const kinds = (options: EgressGuardOptions): string[] =>
    look(text, kitOf(options)).map(({ kind }) => kind);
  assert.deepEqual(kinds({}), ['card-number', 'aws-access-key', 'corporate-number']);
  assert.deepEqual(kinds({ patterns: { cardNumbers: false } }), [
    'aws-access-key',
    'corporate-number',
  ]);
  assert.deepEqual(kinds({ patterns: { secrets: ['jwt'] } }), ['card-number', 'corporate-number']);
  assert.deepEqual(kinds({ actions: { secret: 'ignore', 'corporate-number': 'ignore' } }), [
    'card-number',
  ]);
  assert.deepEqual(kinds({ patterns: false }), []);
});
