import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { combinedLine, commonLine } from '../../lib/access-log/combined.ts';
import { secretNames } from '../../lib/access-log/secret-names.ts';
import { Transaction } from '../../lib/core/transaction.ts';
import { exchangeRaw } from '../support/servers.ts';
import { logged } from './support.ts';

/** What log tools read it with: nine fields, the quoted ones without quotes inside. */
const form =
  /^(?<host>\S+) - (?<user>\S+) \[(?<time>\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "(?<request>[^"]*)" (?<status>\d{3}) (?<bytes>\d+|-) "(?<referer>[^"]*)" "(?<agent>[^"]*)"$/;

function recordOf(given: Partial<Transaction>): Transaction {
  const { method = 'GET', target = '/', ...rest } = given;
  return Object.assign(new Transaction(method, target), {
    client: '192.0.2.1',
    started: Date.UTC(2026, 0, 31, 12),
    protocol: '1.1',
    status: 200,
    ...rest,
  });
}

const isSecret = secretNames([]);

test('is the line Apache and nginx write', () => {
  const before = process.env.TZ;
  process.env.TZ = 'Asia/Tokyo';
  const line = combinedLine(
    recordOf({
      target: '/a?b=c',
      user: 'frank',
      bytesSent: 2326,
      started: Date.UTC(2026, 0, 31, 12, 0, 1),
      referer: 'http://a.example/start',
      userAgent: 'Mozilla/4.08 [en]',
    }),
    isSecret,
  );
  if (before === undefined) delete process.env.TZ;
  else process.env.TZ = before;
  assert.equal(
    line,
    '192.0.2.1 - frank [31/Jan/2026:21:00:01 +0900] "GET /a?b=c HTTP/1.1" 200 2326 "http://a.example/start" "Mozilla/4.08 [en]"',
  );
});

const rows: Readonly<Record<string, [Partial<Transaction>, Record<string, string>]>> = {
  'nothing is known': [{ client: undefined }, { host: '-', user: '-', bytes: '-', agent: '-' }],
  'IPv4 on a socket for both': [{ client: '::ffff:192.0.2.9' }, { host: '192.0.2.9' }],
  'HTTP/2': [{ protocol: '2' }, { request: 'GET / HTTP/2.0' }],
  'a user with a name like a line': [
    { user: 'x [1/Jan/2026] "GET / HTTP/1.1" 200 1\n' },
    { user: 'x\\x20[1/Jan/2026]\\x20\\x22GET\\x20/\\x20HTTP/1.1\\x22\\x20200\\x201\\x0A' },
  ],
  'a user beyond ASCII': [{ user: '関所' }, { user: '\\xE9\\x96\\xA2\\xE6\\x89\\x80' }],
  'a secret in target and referer': [
    { target: '/a?token=t', referer: 'http://a.example/?password=p' },
    { request: 'GET /a?token=*** HTTP/1.1', referer: 'http://a.example/?password=***' },
  ],
};

for (const [name, [given, expected]] of Object.entries(rows))
  test(`combined: ${name}`, () => {
    const line = combinedLine(recordOf(given), isSecret);
    const { groups } = form.exec(line)!;
    for (const [field, value] of Object.entries(expected)) assert.equal(groups![field], value);
  });

test('common is the same without the last two', () => {
  const record = recordOf({ bytesSent: 1 });
  assert.equal(combinedLine(record, isSecret), `${commonLine(record, isSecret)} "-" "-"`);
});

test('no text in any place can break the line', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, text, text, (target, user, referer, userAgent) => {
      const line = combinedLine(recordOf({ target, user, referer, userAgent }), isSecret);
      assert.match(line, form);
      assert.match(line, /^[\x20-\x7e]*$/);
    }),
  );
});

test('what goes over the wire cannot, either', async (t) => {
  const { port, lines } = await logged(t, {});
  // Node's parser refuses most control characters by itself.
  const agent = 'a"\t\x9b2J\xff';
  await exchangeRaw(port, `GET /"\\x HTTP/1.1\r\nHost: a\r\nUser-Agent: ${agent}\r\n\r\n`);
  const [line] = await lines(1);
  const { request, agent: logged_ } = form.exec(line!)!.groups!;
  assert.equal(request, 'GET /\\x22\\x5Cx HTTP/1.1');
  assert.equal(logged_, 'a\\x22\\x09\\x9B2J\\xFF');
});
