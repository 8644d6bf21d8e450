import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import express from 'express';
import fc from 'fast-check';
import { authGate, type AuthGateOptions } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { recording, showErrors } from '../core/upstream/forward-support.ts';
import { exchangeRaw, listen, listenBytes, listenRaw, until } from '../support/servers.ts';
import { ask2, http2Client, localAuthority, serveTls } from '../support/tls.ts';
import { upgradeRequest } from '../support/upgrades.ts';
import { asking } from './forward-support.ts';
import { basic } from './support.ts';

const manual = { redirect: 'manual' } as const;

/** As nginx (`auth_request`) and Traefik have it, where the two agree; where not, what is safe. */
for (const [status, becomes] of [
  [200, 200],
  [201, 200],
  [202, 200],
  [204, 200],
  [299, 200],
  [300, 300],
  [301, 301],
  [302, 302],
  [303, 303],
  [304, 502],
  [307, 307],
  [308, 308],
  [400, 400],
  [401, 401],
  [403, 403],
  [404, 404],
  [407, 502],
  [418, 418],
  [429, 429],
  [451, 451],
  [500, 502],
  [502, 502],
  [503, 502],
  [508, 502],
  [599, 502],
] as const)
  test(`the auth server says ${status}: the client gets ${becomes}`, async (t) => {
    const auth = await listen(t, (_req, res) => res.writeHead(status).end());
    const { url, behind } = await asking(t, auth.url);
    const answer = await fetch(url, manual);
    assert.equal(answer.status, becomes);
    assert.equal(behind.seen.length, becomes === 200 ? 1 : 0);
  });

test('a refusal goes to the client as it is: cookies, Location, challenges, body; and no more', async (t) => {
  const auth = await listen(t, (_req, res) => {
    res.writeHead(401, {
      'Content-Type': 'text/html',
      'Set-Cookie': ['a=1; HttpOnly', 'b=2'],
      Location: '/login?x=y',
      'WWW-Authenticate': ['Basic realm="a"', 'Negotiate'],
      'Cache-Control': 'public, max-age=60',
      'CDN-Cache-Control': 'max-age=60',
      ETag: '"1"',
      'Alt-Svc': 'h3=":443"',
      'Remote-User': 'nobody',
      Connection: 'X-Hop, keep-alive',
      'X-Hop': '1',
      'X-Own': 'auth',
      'X-Frame-Options': 'ALLOWALL',
    });
    res.end('<h1>Who are you?</h1>');
  });
  const { url } = await asking(
    t,
    auth.url,
    {},
    {
      before: (app) =>
        app.use((_req, res, next) => {
          res.set('X-Frame-Options', 'DENY').append('Set-Cookie', 'app=1');
          next();
        }),
    },
  );
  const answer = await fetch(url, manual);
  assert.equal(answer.status, 401);
  assert.equal(await answer.text(), '<h1>Who are you?</h1>');
  assert.deepEqual(answer.headers.getSetCookie(), ['app=1', 'a=1; HttpOnly', 'b=2']);
  const { headers } = answer;
  for (const [name, value] of [
    ['location', '/login?x=y'],
    ['www-authenticate', 'Basic realm="a", Negotiate'],
    ['cache-control', 'no-store'],
    ['content-type', 'text/html'],
    ['x-own', 'auth'],
    ['x-frame-options', 'DENY'],
    ['content-length', '21'],
    ...['cdn-cache-control', 'etag', 'alt-svc', 'remote-user', 'x-hop'].map(
      (name) => [name, null] as const,
    ),
  ] as const)
    assert.equal(headers.get(name), value, name);
});

test('HEAD gets the head of the refusal', async (t) => {
  const auth = await listen(t, (_req, res) => res.writeHead(403).end('no'));
  const { port } = await asking(t, auth.url);
  const { text } = await exchangeRaw(
    port,
    'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  );
  assert.match(text, /^HTTP\/1\.1 403 .*content-length: 2\r\n.*\r\n\r\n$/is);
});

test('with other schemes: a 401 offers theirs, too, and their credentials are theirs to judge', async (t) => {
  const auth = await recording(t, (_req, res) =>
    res.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end(),
  );
  const { url } = await asking(t, auth.url, {}, { options: { basic: { users: { alice: 'w' } } } });
  const answer = await fetch(url);
  assert.equal(answer.status, 401);
  assert.equal(
    answer.headers.get('www-authenticate'),
    'Bearer, Basic realm="Restricted", charset="UTF-8"',
  );
  assert.equal((await fetch(url, { headers: { authorization: basic('alice', 'w') } })).status, 200);
  assert.equal((await fetch(url, { headers: { authorization: basic('alice', 'x') } })).status, 401);
  assert.equal(auth.seen.length, 1);
});

test("a pass: copied fields, renamed ones, cookies to the client, and the client's own copies gone", async (t) => {
  const auth = await listen(t, (_req, res) => {
    res.writeHead(200, {
      'X-Auth-Request-User': 'alice',
      'X-Auth-Request-Email': 'alice@x.example',
      'X-Groups': ['a', 'b'],
      'X-Empty': '',
      'X-Not-Asked-For': '1',
      'Set-Cookie': ['s=1; Path=/', 't=2'],
    });
    res.end('ignored');
  });
  const { url, behind } = await asking(t, auth.url, {
    copyHeaders: {
      'X-Auth-Request-Email': 'X-Email',
      'X-Groups': 'X-Roles',
      'X-Empty': 'X-Nothing',
    },
  });
  const answer = await fetch(`${url}/x`, {
    headers: { 'x-email': 'root@x', 'x-roles': 'wheel', 'x-nothing': 'root', x_email: 'root@x' },
  });
  assert.deepEqual(answer.headers.getSetCookie(), ['s=1; Path=/', 't=2']);
  assert.equal(await answer.text(), 'ok');
  const { all } = behind.seen[0]!;
  assert.deepEqual(all('x-email'), ['alice@x.example']);
  assert.deepEqual(all('x-roles'), ['a, b']);
  for (const name of ['x-nothing', 'x_email', 'x-not-asked-for', 'x-groups'])
    assert.deepEqual(all(name), [], name);
  const { user, scheme, email, claims, log } = (await (await fetch(`${url}/who`)).json()) as Record<
    string,
    unknown
  >;
  assert.deepEqual(
    { user, scheme, email, log },
    { user: 'alice', scheme: 'forward', email: 'alice@x.example', log: 'alice' },
  );
  assert.deepEqual(claims, { 'x-auth-request-email': 'alice@x.example', 'x-groups': 'a, b' });
});

test("who the user is, by fields of the operator's choice, for allow, groups and identityHeaders", async (t) => {
  let fields: Record<string, string> = {};
  const auth = await listen(t, (_req, res) => {
    for (const [name, value] of Object.entries(fields))
      res.setHeader(name, Buffer.from(value).toString('latin1'));
    res.end();
  });
  const { url, behind } = await asking(
    t,
    auth.url,
    { userHeader: 'X-Who', groupsHeader: ['X-None', 'X-Teams'] },
    { options: { identityHeaders: { assertion: false }, groups: ['ops'] } },
  );
  fields = { 'X-Who': 'zoë, 100%', 'X-Teams': ' dev ,ops,, ', 'Remote-User': 'other' };
  assert.equal((await fetch(url)).status, 200);
  const { get } = behind.seen[0]!;
  assert.equal(decodeURIComponent(get('x-forwarded-user')!), 'zoë, 100%');
  assert.equal(get('x-forwarded-groups'), 'dev,ops');
  fields = { 'X-Who': 'zoë', 'X-Teams': 'dev' };
  assert.equal((await fetch(url)).status, 403);
  fields = { 'X-Teams': 'ops' };
  assert.equal((await fetch(url, { headers: { 'x-forwarded-user': 'root' } })).status, 200);
  assert.equal(behind.seen[1]!.get('x-forwarded-user'), undefined, 'nobody was named');
});

for (const [what, forward, options, sent] of [
  ['by default', {}, {}, [undefined, 's=1; own=2']],
  ['forwardCredentials: true', {}, { forwardCredentials: true }, ['Bearer mine', 's=1; own=2']],
  ['forwardCredentials: false', {}, { forwardCredentials: false }, [undefined, 's=1; own=2']],
  ['cookies of the auth server', { cookies: ['s'] }, {}, [undefined, 'own=2']],
  ['copied Authorization', { copyHeaders: ['Authorization'] }, {}, ['Bearer theirs', 's=1; own=2']],
] as const)
  test(`credentials to the servers behind: ${what}`, async (t) => {
    const auth = await recording(t, (_req, res) =>
      res.writeHead(200, { Authorization: 'Bearer theirs' }).end(),
    );
    const { url, behind } = await asking(t, auth.url, forward, { options });
    await fetch(url, { headers: { authorization: 'Bearer mine', cookie: 's=1; own=2' } });
    const { get, all } = behind.seen[0]!;
    assert.deepEqual([get('authorization'), get('cookie')], sent);
    assert.ok(all('authorization').length <= 1);
    const [asked] = auth.seen;
    assert.deepEqual(
      [asked!.get('authorization'), asked!.get('cookie')],
      ['Bearer mine', 's=1; own=2'],
    );
  });

test("Authorization that is copied, when the auth server has none: the client's own does not go on", async (t) => {
  const auth = await listen(t, (_req, res) => res.end());
  const { url, behind } = await asking(t, auth.url, { copyHeaders: ['Authorization'] });
  await fetch(url, { headers: { authorization: 'Bearer mine' } });
  assert.equal(behind.seen[0]!.get('authorization'), undefined);
});

const failures: readonly (readonly [string, number, string | RequestListener])[] = [
  ['no HTTP', 502, 'nonsense\r\n\r\n'],
  [
    'a control byte in the name',
    502,
    'HTTP/1.1 200 OK\r\nRemote-User: a\0\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'a bare CR in the name',
    502,
    'HTTP/1.1 200 OK\r\nRemote-User: a\rX-Admin: 1\r\nContent-Length: 0\r\n\r\n',
  ],
  ['a folded field', 502, 'HTTP/1.1 200 OK\r\nRemote-User: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
  ['two lengths', 502, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n'],
  [
    'an upgrade nobody asked for',
    502,
    'HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  ],
  [
    'two Authorizations',
    502,
    'HTTP/1.1 200 OK\r\nAuthorization: a\r\nAuthorization: b\r\nContent-Length: 0\r\n\r\n',
  ],
  ['a huge body', 502, (_req, res) => res.end('x'.repeat(5000))],
  ['a huge body with a refusal', 502, (_req, res) => res.writeHead(403).end('x'.repeat(5000))],
  [
    'an end in the middle',
    502,
    (_req, res) => {
      res.writeHead(200, { 'Content-Length': 10 });
      res.write('x', () => res.destroy());
    },
  ],
  ['no answer', 503, (_req, res) => res.destroy()],
  ['silence', 503, () => undefined],
  [
    'a body that trickles',
    503,
    (_req, res) => {
      res.writeHead(200);
      const timer = setInterval(() => res.write('.'), 50);
      res.on('close', () => clearInterval(timer));
    },
  ],
  ['only interim answers', 503, (_req, res) => res.writeProcessing()],
];

for (const [what, status, answer] of failures)
  test(`a failure of the auth server is ${status} and no pass: ${what}`, async (t) => {
    const auth =
      typeof answer === 'string' ? await listenBytes(t, answer) : await listen(t, answer);
    const { url, behind } = await asking(t, auth.url, { maxSize: 4000, timeout: 2000 });
    const got = await fetch(url);
    assert.equal(got.status, status);
    assert.match(await got.text(), /^ERR_SEKISHO_AUTH_UNAVAILABLE: forward: /);
    assert.equal(got.headers.get('cache-control'), 'no-store');
    assert.equal(behind.seen.length, 0);
  });

test('nobody there, or no such name: 503', async (t) => {
  for (const authUrl of ['http://127.0.0.1:9/', 'http://nowhere.invalid/']) {
    const { url } = await asking(t, authUrl);
    assert.equal((await fetch(url)).status, 503);
  }
});

test('https: the certificate has to be right', async (t) => {
  const { ca, local } = await localAuthority();
  const server = createServer(local, (_req, res) => res.end());
  const { port } = await listen(t, server);
  const authUrl = `https://localhost:${port}/`;
  const { url } = await asking(t, authUrl, { tls: { ca: ca.cert } });
  assert.equal((await fetch(url)).status, 200);
  const { url: wary } = await asking(t, authUrl);
  assert.equal((await fetch(wary)).status, 503);
});

test('HTTP/2 clients: asked about as https, refused and passed as all others', async (t) => {
  const auth = await recording(t, (_req, res, { get }) => {
    const known = get('cookie')?.includes('s=1') === true;
    res.writeHead(known ? 200 : 302, {
      Location: '/login',
      'Set-Cookie': ['a=1', 'b=2'],
      Connection: 'close',
      'Remote-User': 'alice',
    });
    res.end('log in');
  });
  const behind = await recording(t);
  const gate = authGate({ forward: { url: auth.url, copyHeaders: ['Remote-User'] } });
  const proxy = balancedProxy(behind.url);
  t.after(() => {
    gate.close();
    void proxy.close();
  });
  const session = http2Client(t, await serveTls(t, express().use(gate, proxy)));
  const refused = await ask2(session, '/page');
  assert.deepEqual(
    [refused.status, refused.headers.location, refused.text, refused.headers['set-cookie']],
    [302, '/login', 'log in', ['a=1', 'b=2']],
  );
  const forged = { 'remote-user': 'root', 'x-forwarded-uri': '/public' };
  const passed = await ask2(session, { ':path': '/page', cookie: ['a=0', 's=1'], ...forged });
  assert.deepEqual(
    [passed.status, passed.text, passed.headers['set-cookie']],
    [200, 'ok', ['a=1', 'b=2']],
  );
  assert.deepEqual(
    behind.seen.map(({ all }) => all('remote-user')),
    [['alice']],
  );
  for (const { all } of auth.seen) {
    assert.deepEqual(all('x-forwarded-proto'), ['https']);
    assert.deepEqual(all('x-forwarded-uri'), ['/page']);
    assert.match(all('x-original-url')[0]!, /^https:\/\/.*\/page$/);
  }
});

test('fuzzed: nothing but a whole 2xx is a pass', async (t) => {
  let bytes = '';
  const auth = await listenRaw(t, (socket) => {
    socket.once('data', () => socket.end(Buffer.from(bytes, 'latin1')));
  });
  const { url, behind } = await asking(t, auth.url, { copyHeaders: ['Remote-User', 'X-A'] });
  const piece = fc.constantFrom(
    ...[
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 204 \r\n',
      'HTTP/1.1 401 No\r\n',
      'HTTP/1.1 100 Go\r\n\r\n',
    ],
    ...['HTTP/1.0 200\r\n', 'HTTP/2 200\r\n', 'Content-Length: 2\r\n', 'Content-Length: 0\r\n'],
    ...[
      'Transfer-Encoding: chunked\r\n',
      'Remote-User: a\r\n',
      'Remote-User: a\rX: b\r\n',
      'X-A: \0\r\n',
    ],
    ...['\r\n', '\n', 'ok', '0\r\n\r\n', ' ', 'Connection: upgrade\r\n', 'Remote-User : b\r\n'],
  );
  let passed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 7 }), async (pieces) => {
      bytes = pieces.join('');
      const before = behind.seen.length;
      const { status } = await fetch(url, manual);
      const went = behind.seen.length - before;
      assert.ok([200, 401, 502, 503].includes(status), String(status));
      assert.equal(went, status === 200 ? 1 : 0);
      passed += went;
      if (went === 0) return;
      const final = bytes.replace(/^(?:HTTP\/1\.1 100 Go\r\n\r\n)+/, '');
      const head = final.split('\r\n\r\n', 1)[0]!;
      assert.match(head, /^HTTP\/1\.[01] 20[04]/);
      assert.ok(!/\0|\r[^\n]| :/.test(head), bytes);
    }),
    { numRuns: 150, examples: [[['HTTP/1.1 200 OK\r\n', 'Content-Length: 2\r\n', '\r\n', 'ok']]] },
  );
  assert.ok(passed > 0);
});

test('connections to the auth server are kept', async (t) => {
  const auth = await recording(t);
  let connections = 0;
  auth.server.on('connection', () => connections++);
  const { url } = await asking(t, auth.url);
  for (let index = 0; index < 5; index++) await fetch(url);
  assert.deepEqual([auth.seen.length, connections], [5, 1]);
});

for (const [what, request] of [
  ['a request', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an upgrade', upgradeRequest('/')],
] as const)
  test(`the end of the client is the end of the question: ${what}`, async (t) => {
    let asked = false;
    let closed = false;
    const auth = await listen(t, (_req, res) => {
      asked = true;
      res.on('close', () => (closed = true));
    });
    const { port, behind } = await asking(t, auth.url, { timeout: '1 minute' });
    const client = connect(port, '127.0.0.1');
    t.after(() => client.destroy());
    client.on('error', () => undefined).write(request);
    await until(() => asked, 'it is asked');
    client.destroy();
    await until(() => closed, 'the auth server sees the end');
    assert.equal(behind.seen.length, 0);
  });

test('bytes behind an upgrade wait until it is judged; a refused one is answered, and its bytes are no request', async (t) => {
  const auth = await recording(t, (_req, res) =>
    setTimeout(() => res.writeHead(403).end('no'), 50),
  );
  const { port, behind } = await asking(t, auth.url);
  const smuggled = 'GET /secret HTTP/1.1\r\nHost: a\r\n\r\n';
  const { text, closed } = await exchangeRaw(port, upgradeRequest('/chat') + smuggled);
  assert.match(text, /^HTTP\/1\.1 403 /);
  assert.equal(text.match(/HTTP\/1\.1/g)!.length, 1);
  assert.ok(closed);
  assert.deepEqual([auth.seen.length, behind.seen.length], [1, 0]);
  assert.equal(auth.seen[0]!.get('upgrade'), undefined);
  assert.equal(auth.seen[0]!.get('x-forwarded-uri'), '/chat');
});

test('an upgrade that the server behind does not know is no way around: it was asked about', async (t) => {
  const auth = await recording(t, (_req, res) => res.writeHead(401).end());
  const { port, behind } = await asking(t, auth.url);
  for (const protocol of ['h2c', 'TLS/1.0', 'websocket, h2c', 'WebSocket']) {
    const { text } = await exchangeRaw(
      port,
      upgradeRequest('/x', 'HTTP2-Settings: AA\r\n', protocol),
    );
    assert.match(text, /^HTTP\/1\.1 401 /, protocol);
  }
  assert.deepEqual([auth.seen.length, behind.seen.length], [4, 0]);
});

test("a forward proxy's client: its Proxy-Authorization is judged, what it has for the site is not shown", async (t) => {
  const auth = await recording(t, (_req, res, { get }) => {
    const right = get('authorization') === basic('alice', 'w');
    res.writeHead(right ? 200 : get('authorization') ? 401 : 302, {
      'Set-Cookie': 's=1',
      Location: '/login',
      'Remote-User': 'alice',
    });
    res.end();
  });
  const { port, behind } = await asking(
    t,
    auth.url,
    { copyHeaders: ['Remote-User'] },
    {
      before: (app) =>
        app.use((req, _res, next) => {
          contextOf(req).proxied = true;
          next();
        }),
    },
  );
  const ask = async (credentials: string): Promise<string> => {
    const own = 'Authorization: Bearer of-the-site\r\nCookie: site=1\r\nConnection: close\r\n';
    const request = `GET / HTTP/1.1\r\nHost: a\r\n${own}${credentials}\r\n`;
    return (await exchangeRaw(port, request)).text;
  };
  assert.match(await ask(''), /^HTTP\/1\.1 403 (?!.*set-cookie)/is);
  assert.match(
    await ask(`Proxy-Authorization: ${basic('alice', 'x')}\r\n`),
    /^HTTP\/1\.1 407 (?!.*set-cookie)/is,
  );
  assert.equal(behind.seen.length, 0);
  assert.match(
    await ask(`Proxy-Authorization: ${basic('alice', 'w')}\r\n`),
    /^HTTP\/1\.1 200 (?!.*set-cookie)/is,
  );
  const { get } = behind.seen[0]!;
  assert.deepEqual(
    [get('authorization'), get('cookie'), get('remote-user')],
    ['Bearer of-the-site', 'site=1', undefined],
  );
  for (const seen of auth.seen) assert.equal(seen.get('cookie'), undefined);
});

test('close() ends what is under way', async (t) => {
  let asked = false;
  const auth = await listenRaw(t, (socket) => socket.on('data', () => (asked = true)));
  const gate = authGate({ forward: { url: auth.url } });
  const app = express().use(gate, showErrors);
  const { url } = await listen(t, app);
  const answer = fetch(url);
  await until(() => asked, 'it is asked');
  gate.close();
  assert.equal((await answer).status, 503);
});

const good = { url: 'http://127.0.0.1:9/verify' };
for (const [what, options, problem] of [
  ['no url', {}, /forward\.url: undefined is no URL/],
  ['no URL', { url: 'auth:9091' }, /forward\.url: 'auth:9091' is no URL; use one such as/],
  ['another scheme', { url: 'ftp://a/' }, /forward\.url: 'ftp:\/\/a\/' is no URL/],
  [
    'a user in the URL',
    { url: 'http://u:secret@a/' },
    /forward\.url: 'http:\/\/\*\*\*@a\/' has a user/,
  ],
  ['a fragment', { url: 'http://a/#b' }, /has a fragment/],
  ['no field name', { ...good, copyHeaders: ['a b'] }, /copyHeaders.*'a b' is no field name/],
  [
    'a framing field',
    { ...good, copyHeaders: ['Content-Length'] },
    /'Content-Length' has a meaning of its own/,
  ],
  ['Cookie', { ...good, copyHeaders: ['Cookie'] }, /'Cookie' has a meaning of its own/],
  [
    'Set-Cookie as a target',
    { ...good, copyHeaders: { a: 'Set-Cookie' } },
    /'Set-Cookie' has a meaning/,
  ],
  [
    'X-Forwarded-For',
    { ...good, copyHeaders: ['X-Forwarded-For'] },
    /'X-Forwarded-For' has a meaning/,
  ],
  ['a field twice', { ...good, copyHeaders: { a: 'X-A', b: 'x-a' } }, /'x-a' is named twice/],
  [
    'an identity field of the client',
    { ...good, requestHeaders: ['Remote-User'] },
    /'Remote-User' is nothing that a client can tell/,
  ],
  [
    'a field of the gate',
    { ...good, requestHeaders: ['X-Forwarded-Uri'] },
    /'X-Forwarded-Uri' is nothing that/,
  ],
  ['a time without unit', { ...good, timeout: '5' }, /forward\.timeout: '5' is no duration/],
  ['no time', { ...good, timeout: 0 }, /forward\.timeout: of 0 ms is too short/],
  ['a wrong cache', { ...good, cache: true }, /forward\.cache: true/],
  [
    'a wrong option of the cache',
    { ...good, cache: { ttl: '5s', refusal: true } },
    /unknown option 'refusal'; did you mean 'refusals'/,
  ],
  [
    'a cache by nothing',
    { ...good, cache: { ttl: '5s', by: [] } },
    /\[\] would be one verdict for all/,
  ],
  [
    'a cache by a slip',
    { ...good, cache: { ttl: '5s', by: ['X-Forwarded-Url'] } },
    /'X-Forwarded-Url' is not said; said are/,
  ],
  [
    'a cache by what is not asked',
    { ...good, requestHeaders: ['X-Key'], cache: { ttl: '5s', by: ['Cookie'] } },
    /by 'cookie': the auth server does not get it/,
  ],
  ['tls for http', { ...good, tls: {} }, /forward\.tls: is given for 'http:/],
  [
    'a slip',
    { ...good, copyHeader: ['A'] },
    /unknown option 'copyHeader'; did you mean 'copyHeaders'/,
  ],
] as const)
  test(`refused at construction: ${what}`, () => {
    assert.throws(
      () => authGate({ forward: options } as unknown as AuthGateOptions),
      (error: Error) => {
        assert.ok(error instanceof OptionsError);
        assert.match(error.message, problem);
        assert.ok(!error.message.includes('secret'));
        return true;
      },
    );
  });

test('refused at construction: whose Authorization goes on is said twice', () => {
  assert.throws(
    () =>
      authGate({ forward: { ...good, copyHeaders: ['Authorization'] }, forwardCredentials: true }),
    /'Authorization' is in copyHeaders and, by forwardCredentials, the client's; choose one/,
  );
});

test('the options are not changed', () => {
  const options = {
    forward: { url: new URL(good.url), copyHeaders: Object.freeze(['Remote-User']) },
  };
  const before = JSON.stringify(options);
  authGate(options).close();
  assert.equal(JSON.stringify(options), before);
});
