import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalHost, parseDestination } from '../../../lib/core/http/destination.ts';

for (const [target, hostname, port, path, href] of [
  ['http://example.com/a?b', 'example.com', 80, '/a?b', 'http://example.com/a?b'],
  ['http://example.com', 'example.com', 80, '/', 'http://example.com/'],
  ['http://example.com?b', 'example.com', 80, '/?b', 'http://example.com/?b'],
  ['HTTP://EXAMPLE.com:8080/A', 'example.com', 8080, '/A', 'http://example.com:8080/A'],
  ['http://example.com./', 'example.com', 80, '/', 'http://example.com/'],
  ['http://example.com.:81/', 'example.com', 81, '/', 'http://example.com:81/'],
  ['http://example.com:/', 'example.com', 80, '/', 'http://example.com/'],
  ['http://[::1]:?b', '::1', 80, '/?b', 'http://[::1]/?b'],
  ['http://127.1./', '127.0.0.1', 80, '/', 'http://127.0.0.1/'],
  ['http://[::1]:8080/', '::1', 8080, '/', 'http://[::1]:8080/'],
  ['http://[2001:DB8::0:1]/', '2001:db8::1', 80, '/', 'http://[2001:db8::1]/'],
  ['http://[::127.0.0.1]/', '::7f00:1', 80, '/', 'http://[::7f00:1]/'],
  ['http://bücher.example/', 'xn--bcher-kva.example', 80, '/', 'http://xn--bcher-kva.example/'],
  ['http://a_b.example/', 'a_b.example', 80, '/', 'http://a_b.example/'],
  ['ws://example.com/chat', 'example.com', 80, '/chat', 'ws://example.com/chat'],
  [
    'http://example.com/a\\b%zz//..',
    'example.com',
    80,
    '/a\\b%zz//..',
    'http://example.com/a\\b%zz//..',
  ],
  [
    'http://example.com/?@evil.example/',
    'example.com',
    80,
    '/?@evil.example/',
    'http://example.com/?@evil.example/',
  ],
] as const)
  test(`${target} goes to ${hostname}:${port}`, () => {
    assert.deepEqual(parseDestination(target, 'http'), {
      form: 'http',
      scheme: target.startsWith('ws') ? 'ws' : 'http',
      hostname,
      port,
      path,
      href,
    });
  });

for (const [target, hostname, port, href] of [
  ['example.com:443', 'example.com', 443, 'example.com:443'],
  ['Example.COM.:443', 'example.com', 443, 'example.com:443'],
  ['[::1]:443', '::1', 443, '[::1]:443'],
  ['0x7f000001:80', '127.0.0.1', 80, '127.0.0.1:80'],
] as const)
  test(`CONNECT ${target} goes to ${href}`, () => {
    const expected = { form: 'connect', scheme: undefined, hostname, port, path: '', href };
    assert.deepEqual(parseDestination(target, 'connect'), expected);
  });

const long = `${'a'.repeat(63)}.${'a'.repeat(63)}.${'a'.repeat(63)}.${'a'.repeat(62)}`;

for (const [target, why] of [
  ['', /absolute/],
  ['/', /absolute/],
  ['//example.com/', /absolute/],
  ['http:example.com', /absolute/],
  ['http:/example.com/', /absolute/],
  ['http:\\\\example.com\\', /absolute/],
  ['*', /absolute/],
  ['http://example.com/#a', /fragment/],
  ['http://example.com#@evil.example/', /fragment/],
  ['https://example.com/', /CONNECT/],
  ['ftp://example.com/', /scheme/],
  ['file:///etc/passwd', /scheme/],
  ['gopher://127.0.0.1:6379/', /scheme/],
  ['http:///a', /no host/],
  ['http://:80/', /host/],
  ['http://:/', /host/],
  ['http://example.com::/', /host/],
  ['http://./', /host/],
  ['http://../', /host/],
  ['http://a..b/', /host/],
  ['http://.example.com/', /host/],
  ['http://example.com../', /host/],
  ['http://user@example.com/', /userinfo/],
  ['http://user:secret@example.com/', /userinfo/],
  ['http://@example.com/', /userinfo/],
  ['http://example.com\\@127.0.0.1/', /userinfo/],
  ['http://example.com\\.evil.example/', /backslash/],
  ['http://ex%61mple.com/', /percent/],
  ['http://127.0.0.1%00.example.com/', /percent/],
  ['http://[fe80::1%25eth0]/', /percent/],
  ['http://[fe80::1%eth0]/', /percent/],
  ['http://example.com:0/', /port/],
  ['http://example.com:080/', /port/],
  ['http://example.com:+80/', /port/],
  ['http://example.com:-80/', /port/],
  ['http://example.com:8o/', /port/],
  ['http://example.com:65536/', /port/],
  ['http://example.com:4294967376/', /port/],
  ['http://example.com:80:80/', /port/],
  ['http://::1/', /malformed/],
  ['http://::1:80/', /malformed/],
  ['http://[::1/', /malformed/],
  ['http://::1]/', /malformed/],
  ['http://[::1]x/', /malformed/],
  ['http://[::1]]/', /malformed/],
  ['http://x[::1]/', /malformed/],
  ['http://[127.0.0.1]/', /malformed/],
  ['http://[example.com]/', /malformed/],
  ['http://[]/', /malformed/],
  ['http://1.2.3.256/', /malformed/],
  ['http://0x100000000/', /malformed/],
  ['http://1.2.3.4.5/', /malformed/],
  ['http://ex ample.com/', /white space/],
  ['http://example.com/a b', /white space/],
  ['http://exa\tmple.com/', /control/],
  ['http://exa\r\nmple.com/', /control/],
  ['http://example.com/\0', /control/],
  ['http://example.com/\x7f', /control/],
  ['http://a,b/', /malformed/],
  ['http://a;b/', /malformed/],
  ["http://a'b/", /malformed/],
  ['http://a!b/', /malformed/],
  ['http://*.example.com/', /malformed/],
  ['http://a／b.example/', /malformed/], // fullwidth slash
  ['http://a＠b.example/', /malformed/], // fullwidth at
  ['http://a％2eb.example/', /malformed/], // fullwidth percent
  ['http://℀.example/', /malformed/], // a/c in one character
  ['http://xn--a/', /malformed|punycode/],
  [`http://${'a'.repeat(64)}.example/`, /malformed/],
  [`http://${long}a/`, /malformed/],
  ['http://exаmple.com/', /writing systems/],
  ['http://xn--exmple-4nf.com/', /writing systems/],
  ['http://xn--80ak6aa92e.com/', /looks like another one/],
] as const)
  test(`${JSON.stringify(target.slice(0, 60))} is refused: ${why.source}`, () => {
    const read = parseDestination(target, 'http');
    assert.ok('malformed' in read, JSON.stringify(read));
    assert.match(read.malformed, why);
    assert.equal(read.status, 400);
  });

for (const [target, why] of [
  ['example.com', /without a port/],
  ['[::1]', /without a port/],
  ['example.com:', /port/],
  ['example.com:0', /port/],
  ['example.com:99999', /port/],
  ['example.com:https', /port/],
  [':443', /host/],
  ['::1:443', /malformed/],
  ['user@example.com:443', /userinfo/],
  ['example.com/path:443', /malformed/],
  ['example.com?x:443', /malformed/],
  ['example.com#x:443', /malformed/],
  ['http://example.com:443', /malformed/],
  ['//example.com:443', /malformed/],
  ['example.com:443/', /port/],
  ['example.com:443,evil.example:443', /malformed/],
  ['example.com :443', /white space/],
] as const)
  test(`CONNECT ${target} is refused: ${why.source}`, () => {
    const read = parseDestination(target, 'connect');
    assert.ok('malformed' in read, JSON.stringify(read));
    assert.match(read.malformed, why);
  });

test('a target of 100 KB is 414, in no time', () => {
  for (const target of [
    `http://${'a.'.repeat(50_000)}/`,
    `http://example.com/${'a'.repeat(100_000)}`,
    '['.repeat(100_000),
    `http://${'1'.repeat(100_000)}`,
  ])
    assert.deepEqual(parseDestination(target, 'http'), {
      malformed: 'the target is too long',
      status: 414,
    });
});

test('a target of 64 KB with a long path is one, with a long host none', () => {
  const path = `/${'a'.repeat(60_000)}`;
  assert.equal(
    (parseDestination(`http://example.com${path}`, 'http') as { path: string }).path,
    path,
  );
  for (const host of [
    'a.'.repeat(30_000),
    '1'.repeat(60_000),
    ':'.repeat(60_000),
    'ü'.repeat(60_000),
  ])
    assert.ok('malformed' in parseDestination(`http://${host}/`, 'http'));
});

const spiteful = fc
  .array(
    fc.constantFrom(
      ...Array.from('@:/\\?#%[]. \t\r\n\0aA1x0f-_。／＠％é'),
      '127.0.0.1',
      'example.com',
      '::1',
      'http://',
      ':80',
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

test('whatever the target is, the answer is a reason, or one destination in its only spelling', () => {
  fc.assert(
    fc.property(spiteful, fc.constantFrom('http', 'connect'), (target, form) => {
      const read = parseDestination(target, form);
      if ('malformed' in read) return;
      const again = parseDestination(read.href, form);
      assert.deepEqual(again, read);
      assert.match(read.hostname, /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[\da-f:]+)$/);
    }),
    { numRuns: 2000 },
  );
});

test('where the URL parser reads a URL, it reads the same destination', () => {
  fc.assert(
    fc.property(spiteful, (text) => {
      const read = parseDestination(`http://${text}`, 'http');
      if ('malformed' in read) return;
      const url = new URL(`http://${text}`);
      assert.equal(url.username, '');
      assert.equal(url.hostname.replace(/\.$/, '').replace(/^\[|\]$/g, ''), read.hostname);
      assert.equal(Number(url.port === '' ? 80 : url.port), read.port);
    }),
    { numRuns: 2000 },
  );
});

const octal = (part: number): string => `0${part.toString(8)}`;
const hexadecimal = (part: number): string => `0x${part.toString(16)}`;
const fullwidth = (text: string): string =>
  text.replace(/./g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0));

test('every spelling of an IPv4 address is the address', () => {
  fc.assert(
    fc.property(fc.ipV4(), (quad) => {
      const [a = 0, b = 0, c = 0, d = 0] = quad.split('.').map(Number);
      const whole = ((a * 256 + b) * 256 + c) * 256 + d;
      for (const spelling of [
        quad,
        `${quad}.`,
        String(whole),
        hexadecimal(whole),
        hexadecimal(whole).toUpperCase(),
        octal(whole),
        `${a}.${b * 65536 + c * 256 + d}`,
        `${a}.${b}.${c * 256 + d}`,
        `${octal(a)}.${hexadecimal(b)}.${c}.${octal(d)}`,
        fullwidth(quad),
        quad.replaceAll('.', '。'),
      ])
        assert.equal(canonicalHost(spelling), quad, spelling);
    }),
  );
});
