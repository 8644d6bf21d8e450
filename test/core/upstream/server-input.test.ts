import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OptionsError } from '../../../lib/core/errors.ts';
import { parseOptions } from '../../../lib/core/options.ts';
import { serversField, type ServerInput } from '../../../lib/core/upstream/server-input.ts';
import { serverName } from '../../../lib/core/upstream/server.ts';

const parse = (servers: unknown, least = 1) =>
  parseOptions('upstream', serversField({ least }), servers);

test('a server may be a string, a URL or an object', () => {
  assert.deepEqual(
    parse([
      'http://a:1',
      new URL('https://b/base'),
      { url: 'unix:/run/c.sock', weight: 3, backup: true, maxConnections: 9 },
    ]).map(({ url, ...rest }) => ({ url: url.href, ...rest })),
    [
      { url: 'http://a:1/', weight: 1, backup: false, maxConnections: Infinity },
      { url: 'https://b/base', weight: 1, backup: false, maxConnections: Infinity },
      { url: 'unix:/run/c.sock', weight: 3, backup: true, maxConnections: 9 },
    ],
  );
});

test("the caller's URL object is not kept", () => {
  const own = new URL('http://a:1');
  const [server] = parse([own]);
  own.port = '2';
  assert.equal(server!.url.port, '1');
});

for (const [url, name] of [
  ['http://a', 'a:80'],
  ['https://a', 'a:443'],
  ['http://[::1]:81', '[::1]:81'],
  ['unix:/run/app.sock', 'unix:/run/app.sock'],
] as const)
  test(`${url} is called ${name}`, () => {
    assert.equal(serverName(new URL(url)), name);
  });

for (const [value, message] of [
  ['', /'' is no URL; use one such as/],
  ['a', /'a' is no URL; did you mean 'http:\/\/a'\?/],
  ['127.0.0.1:8080', /'127.0.0.1:8080' is no URL; did you mean 'http:\/\/127.0.0.1:8080'\?/],
  ['localhost:3000', /'localhost:3000' has no scheme; did you mean 'http:\/\/localhost:3000'\?/],
  ['ftp://a', /'ftp:\/\/a' has a scheme that is not spoken here; use http:, https: or unix:/],
  ['ws://a', /'ws:\/\/a' has a scheme that is not spoken here/],
  ['http://u:geheim@a', /'http:\/\/\*\*\*@a' has a user or password in it; take it out/],
  ['http://a/?x=1', /'http:\/\/a\/\?x=1' has a query/],
  ['http://a/?', /has a query/],
  ['http://a/#x', /has a fragment/],
  ['http://a/#', /has a fragment/],
  ['http://a:0', /has port 0; name the port/],
  ['http://a:99999', /'http:\/\/a:99999' is no URL/],
  ['unix:app.sock', /has no absolute path; name the socket as in 'unix:\/run\/app.sock'/],
  ['unix://run/app.sock', /has no absolute path/],
  [7, /7 is no server; use a URL such as/],
  [null, /null is no server/],
  [{ url: 'http://a', wieght: 2 }, /unknown option 'wieght'; did you mean 'weight'\?/],
  [{ url: 'http://a', weight: 0 }, /weight: 0 is not allowed; use a number from 0.001/],
  [{ url: 'http://a', weight: -1 }, /weight: -1 is not allowed/],
  [
    { url: 'http://a', maxConnections: 0 },
    /maxConnections: 0 is not allowed; use a whole number from 1 on/,
  ],
  [{ url: 'http://a', backup: 'yes' }, /backup: 'yes' is not allowed; use a boolean/],
] as [unknown, RegExp][])
  test(`refused: ${JSON.stringify(value)}`, () => {
    assert.throws(
      () => parse([value as ServerInput]),
      (error) => {
        assert.ok(error instanceof OptionsError);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /geheim/);
        return true;
      },
    );
  });

test('an empty list is refused unless servers may come later', () => {
  assert.throws(() => parse([]), /no server given; name at least one/);
  assert.deepEqual(parse([], 0), []);
});

test('a server named twice is refused, however it is spelt', () => {
  assert.throws(
    () => parse(['http://a:80', { url: 'HTTP://A/', weight: 2 }]),
    /1: 'http:\/\/a\/' is named twice; name it once, with a weight/,
  );
});
