import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import test from 'node:test';
import express, { type RequestHandler } from 'express';
import { authGate } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { wrap } from '../../lib/core/local-exchange.ts';
import { serve } from '../../lib/core/server/serve.ts';
import {
  checkDestination,
  forwardProxy,
  type ForwardProxyOptions,
} from '../../lib/forward-proxy/index.ts';
import { httpsRedirect } from '../../lib/https-redirect/index.ts';
import { prefixRouter } from '../../lib/prefix-router/index.ts';
import { securityHeaders } from '../../lib/security-headers/index.ts';
import { exchangeRaw, listen, until } from '../support/servers.ts';
import { local, questionIn, startProxy, startSite } from './support.ts';

const ask = (target: string, more = '', method = 'GET'): string => {
  const host = /^http:\/\/([^/]*)/.exec(target)?.[1] ?? 'site.test';
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
};

test('a request in absolute-form gets to its site as the request it is, and to no local route', async (t) => {
  const site = await startSite(t);
  const scene = await startProxy(
    t,
    { ports: [site.port], pseudonym: 'gate-1' },
    { before: [express.Router().get('/admin', (_req, res) => void res.send('LOCAL'))] },
  );
  const target = `http://site.test:${site.port}/admin?x=%2F&y`;
  const { text } = await exchangeRaw(
    scene.port,
    ask(
      target,
      'X-Own: Value\r\nProxy-Authorization: Basic eDp5\r\nProxy-Connection: keep-alive\r\nX-Forwarded-User: root\r\n',
    ),
  );
  assert.match(text, /^HTTP\/1\.1 200 [^]*\r\nvia: 1\.1 gate-1\r\n/i);
  const { method, url, rawHeaders } = questionIn(text);
  assert.deepEqual([method, url], ['GET', '/admin?x=%2F&y']);
  assert.deepEqual(rawHeaders, [
    ...['Host', `site.test:${site.port}`, 'X-Own', 'Value'],
    ...['Via', '1.1 gate-1', 'Connection', 'keep-alive'],
  ]);
  const [record] = scene.records;
  assert.equal(record?.target, target);
  assert.equal(record.destination, `site.test:${site.port}`);
  assert.deepEqual(
    [record.status, record.outcome, record.inspection],
    [200, 'completed', 'content'],
  );
});

test('requests of this server stay here, whatever they look like', async (t) => {
  const site = await startSite(t);
  const scene = await startProxy(
    t,
    { ports: [site.port] },
    { after: [(req, res) => void res.send(`LOCAL ${req.url}`)] },
  );
  const foreign = `site.test:${site.port}`;
  for (const [target, host] of [
    ['/', foreign],
    [`//${foreign}/`, foreign],
    [`//${foreign}/`, 'here.example'],
    [`/http://${foreign}/`, foreign],
  ]) {
    const { text } = await exchangeRaw(
      scene.port,
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
    assert.match(text, /LOCAL \//, target);
  }
});

const refused: readonly [
  name: string,
  options: ForwardProxyOptions,
  target: string,
  status: number,
  code: string,
  more?: string,
][] = [
  ['a port that is not listed', {}, 'http://site.test:81/', 403, 'DESTINATION_DENIED'],
  [
    'an inside address',
    { lookup: undefined as never },
    'http://127.0.0.1/',
    403,
    'DESTINATION_DENIED',
  ],
  ['a metadata service', {}, 'http://169.254.169.254/', 403, 'DESTINATION_DENIED'],
  [
    'a name with an inside address',
    { allowPrivate: [] },
    'http://site.test/',
    403,
    'DESTINATION_DENIED',
  ],
  ['a denied name', { deny: ['site.test'] }, 'http://www.site.test/', 403, 'DESTINATION_DENIED'],
  [
    'a name that is not listed',
    { allow: ['other.test'] },
    'http://site.test/',
    403,
    'DESTINATION_DENIED',
  ],
  [
    'a client that is not listed',
    { clients: ['192.0.2.0/24'] },
    'http://site.test/',
    403,
    'PROXY_DENIED',
  ],
  [
    'a client that a function refuses',
    { clients: () => false },
    'http://site.test/',
    403,
    'PROXY_DENIED',
  ],
  [
    'a client that a function cannot judge',
    { clients: (() => Promise.resolve(true)) as never },
    'http://site.test/',
    500,
    'HOOK',
  ],
  [
    'a loop',
    { pseudonym: 'gate-1' },
    'http://site.test/',
    508,
    'LOOP',
    'Via: 1.1 other, 1.1 gate-1\r\n',
  ],
  ['another Host', {}, 'http://site.test/', 400, 'BAD_HOST', 'X: y\r\n'],
  ['two Hosts', {}, 'http://site.test/', 400, 'BAD_HOST', 'Host: site.test\r\n'],
  [
    'a name without addresses',
    { lookup: () => Promise.resolve([]) },
    'http://site.test/',
    502,
    'DNS',
  ],
  [
    'a lookup that fails',
    { lookup: () => Promise.reject(new Error('no')) },
    'http://site.test/',
    502,
    'DNS',
  ],
  [
    'a lookup that gives nonsense',
    { lookup: () => Promise.resolve(['nonsense']) },
    'http://site.test/',
    502,
    'DNS',
  ],
  [
    'a lookup that hangs',
    { lookup: () => new Promise(() => undefined), lookupTimeout: 50 },
    'http://site.test/',
    504,
    'DNS',
  ],
];

for (const [name, options, target, status, code, more = ''] of refused)
  for (const form of ['absolute-form', 'CONNECT'] as const)
    test(`refused with ${status} and one record: ${name}, ${form}`, async (t) => {
      const scene = await startProxy(t, { connectPorts: [80], ...options });
      const authority = /^http:\/\/([^/]*)/.exec(target)![1]!;
      const tunnel = authority.includes(':') ? authority : `${authority}:80`;
      const host = name === 'another Host' ? 'evil.test' : form === 'CONNECT' ? tunnel : authority;
      const line = form === 'CONNECT' ? `CONNECT ${tunnel}` : `GET ${target}`;
      const { text } = await exchangeRaw(
        scene.port,
        `${line} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`,
      );
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(text, new RegExp(`"code":"ERR_SEKISHO_${code}"`));
      assert.doesNotMatch(text, /127\.0\.0|169\.254/);
      await until(() => scene.records.length === 1, 'a record');
      assert.equal(scene.records[0]?.error, `ERR_SEKISHO_${code}`);
      assert.equal(scene.proxy.tunnels, 0);
    });

test('the own listener is no destination: 508', async (t) => {
  const scene = await startProxy(t, { ports: [80], connectPorts: [443] });
  // The port is known only now.
  const { port } = scene;
  const again = await startProxy(t, { ports: [port], connectPorts: [port] });
  for (const bytes of [
    ask(`http://127.0.0.1:${port}/`),
    ask(`http://site.test:${port}/`),
    `CONNECT site.test:${port} HTTP/1.1\r\nHost: site.test:${port}\r\n\r\n`,
    `CONNECT [::1]:${port} HTTP/1.1\r\nHost: [::1]:${port}\r\n\r\n`,
  ])
    assert.match((await exchangeRaw(again.port, bytes)).text, /^HTTP\/1\.1 508 /, bytes);
});

test('the address that was checked is the one connected to, though DNS answers differently the second time', async (t) => {
  const site = await startSite(t);
  let asked = 0;
  const scene = await startProxy(t, {
    ports: [site.port],
    allowPrivate: ['127.0.0.1'],
    lookup: () => Promise.resolve([++asked % 2 === 1 ? '127.0.0.1' : '127.0.0.2']),
  });
  const target = `http://rebound.test:${site.port}/`;
  assert.match((await exchangeRaw(scene.port, ask(target))).text, /^HTTP\/1\.1 200 /);
  assert.equal(asked, 1);
  assert.match((await exchangeRaw(scene.port, ask(target))).text, /^HTTP\/1\.1 403 /);
});

test('another address is tried when the first does not answer', async (t) => {
  const site = await startSite(t);
  const scene = await startProxy(t, {
    ports: [site.port],
    lookup: () => Promise.resolve(['127.0.0.2', '127.0.0.1']),
  });
  const { text } = await exchangeRaw(scene.port, ask(`http://site.test:${site.port}/`));
  assert.match(text, /^HTTP\/1\.1 200 /);
});

test('a site that cannot be reached is a 502, for each request anew', async (t) => {
  const scene = await startProxy(t, { ports: [9] });
  for (let time = 0; time < 3; time++)
    assert.match(
      (await exchangeRaw(scene.port, ask('http://site.test:9/'))).text,
      /^HTTP\/1\.1 502 /,
    );
});

test('a site is never told who asks, also by a proxy in front that is trusted', async (t) => {
  const site = await startSite(t);
  const scene = await startProxy(t, { ports: [site.port] });
  scene.app.set('trust proxy', true);
  const claims = 'X-Forwarded-For: 10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n';
  const { text } = await exchangeRaw(scene.port, ask(`http://site.test:${site.port}/`, claims));
  assert.doesNotMatch(text, /10\.0\.0\.1|127\.0\.0\.1/);
});

test('behind a gate: 407 without credentials, and the site hears nothing of them', async (t) => {
  const site = await startSite(t);
  const gate = authGate({ basic: { users: { alice: 'wonderland' } }, identityHeaders: true });
  t.after(() => gate.close());
  const scene = await startProxy(t, { ports: [site.port] }, { before: [gate] });
  const target = `http://site.test:${site.port}/`;
  assert.match(
    (await exchangeRaw(scene.port, ask(target))).text,
    /^HTTP\/1\.1 407 [^]*proxy-authenticate: basic/i,
  );
  const credentials = Buffer.from('alice:wonderland').toString('base64');
  const { text } = await exchangeRaw(
    scene.port,
    ask(
      target,
      `Proxy-Authorization: Basic ${credentials}\r\nAuthorization: Bearer of-the-site\r\n`,
    ),
  );
  const { headers } = questionIn(text);
  assert.equal(headers.authorization, 'Bearer of-the-site');
  assert.doesNotMatch(JSON.stringify(headers), /alice|proxy-/);
  await until(() => scene.records.some(({ user }) => user === 'alice'), 'the record of alice');
});

/** An address of this machine that is not the loopback. */
const outside = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

const admissions: readonly [
  name: string,
  options: ForwardProxyOptions,
  before: RequestHandler[],
  status: number,
][] = [
  ['without anything', {}, [], 403],
  ['with a list of destinations', { allow: ['site.test'] }, [], 200],
  ['with a list of clients', { clients: outside === undefined ? [] : [outside] }, [], 200],
  ['with clients by a function', { clients: (address) => address === outside }, [], 200],
  [
    'with a gate that lets it pass',
    {},
    [
      (req, _res, next) => {
        contextOf(req).admitted = true;
        next();
      },
    ],
    200,
  ],
];

for (const [name, options, before, status] of admissions)
  test(
    `a client of the local network ${name}: ${status}`,
    { skip: outside === undefined ? 'this machine has no network' : false },
    async (t) => {
      const site = await startSite(t);
      const host = outside!;
      const scene = await startProxy(
        t,
        { ports: [site.port], connectPorts: [site.port], ...options },
        { before, host },
      );
      for (const line of [`GET http://site.test:${site.port}/`, `CONNECT site.test:${site.port}`]) {
        const socket = connect(scene.port, host);
        await once(socket, 'connect');
        socket.write(`${line} HTTP/1.1\r\nHost: site.test:${site.port}\r\n\r\n`);
        const [bytes] = (await once(socket, 'data')) as [Buffer];
        socket.destroy();
        assert.match(bytes.toString(), new RegExp(`^HTTP/1\\.1 ${status} `), line);
      }
    },
  );

test('beside a reverse proxy: its gates and routes leave the requests for elsewhere alone', async (t) => {
  const site = await startSite(t);
  const own = await listen(t, (_req, res) => void res.end('OWN'));
  const scene = await startProxy(
    t,
    { ports: [site.port] },
    {
      before: [
        securityHeaders(),
        httpsRedirect({ exempt: { loopback: false } }),
        prefixRouter({ '/': own.url }),
        balancedProxy(own.url),
      ],
    },
  );
  const { text } = await exchangeRaw(scene.port, ask(`http://site.test:${site.port}/a`));
  assert.equal(questionIn(text).url, '/a');
  assert.doesNotMatch(text, /content-security-policy|location/i);
  assert.match((await exchangeRaw(scene.port, ask('/a'))).text, /^HTTP\/1\.1 308 /);
});

test('through wrappers: what they change is what the site gets', async (t) => {
  const site = await startSite(t);
  const wrapper: RequestHandler = (req, res, next) => {
    wrap(
      req,
      res,
      (dispatch) => (options, handler) =>
        dispatch(
          { ...options, headers: [...(options.headers as string[]), 'X-Wrapped', 'yes'] },
          handler,
        ),
    );
    next();
  };
  const scene = await startProxy(t, { ports: [site.port] }, { before: [wrapper] });
  const { text } = await exchangeRaw(scene.port, ask(`http://site.test:${site.port}/`));
  assert.equal(questionIn(text).headers['x-wrapped'], 'yes');
});

test('through cache(): by the whole URL, and apart from the local routes', async (t) => {
  let answers = 0;
  const site = await startSite(t, (_req, res) => {
    res.setHeader('Cache-Control', 'max-age=60');
    res.end(`site ${++answers}`);
  });
  const store = cache();
  t.after(() => store.close());
  const scene = await startProxy(
    t,
    { ports: [site.port] },
    {
      before: [store],
      after: [(_req, res) => void res.set('Cache-Control', 'max-age=60').send('LOCAL')],
    },
  );
  const target = `http://site.test:${site.port}/a`;
  for (const [bytes, expected] of [
    [ask(target), /site 1$/],
    [ask(target), /site 1$/],
    [ask(target.replace('site.test', 'SITE.TEST')), /site 1$/],
    [ask(target.replace('site.test', 'other.test')), /site 2$/],
    [ask('/a'), /LOCAL$/],
    [ask(`//site.test:${site.port}/a`), /LOCAL$/],
    [`GET /a HTTP/1.1\r\nHost: site.test:${site.port}\r\n\r\n`, /LOCAL$/],
    [ask(target), /site 1$/],
  ] as const)
    assert.match((await exchangeRaw(scene.port, bytes)).text, expected, bytes);
});

test('cache() stores nothing that a local route has answered to a request for elsewhere', async (t) => {
  const store = cache();
  t.after(() => store.close());
  const app = express().use(
    store,
    (_req, res) => void res.set('Cache-Control', 'max-age=60').send('LOCAL'),
  );
  const { url, close } = await serve(app, { host: '127.0.0.1', gracePeriod: 0 });
  t.after(close);
  for (let time = 0; time < 2; time++) {
    const { text } = await exchangeRaw(Number(new URL(url).port), ask('http://site.test/'));
    assert.match(text, /^HTTP\/1\.1 421 /);
    assert.doesNotMatch(text, /LOCAL/);
  }
  assert.equal((await store.stats()).entries, 0);
});

test('without attach(): refused, and the operator is told how to mend it', async (t) => {
  const warnings: string[] = [];
  const listener = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  const { port } = await listen(t, express().use(forwardProxy(local)));
  assert.match((await exchangeRaw(port, ask('http://site.test/'))).text, /^HTTP\/1\.1 421 /);
  await until(() => warnings.some((text) => text.includes('attach(app.listen')), 'a warning');
});

const wrong: readonly [options: unknown, message: RegExp][] = [
  [{ port: [80] }, /unknown option 'port'; did you mean 'ports'\?/],
  [{ ports: [0] }, /ports\.0: 0 is not allowed/],
  [{ clients: ['10.0.0.0/33'] }, /clients.*'10\.0\.0\.0\/33' is no address/],
  [{ upstreamProxy: 'proxy:3128' }, /upstreamProxy: 'proxy:3128' is no proxy/],
  [{ upstreamProxy: 'http://a:b@proxy.example:3128/x' }, /upstreamProxy: 'http:\/\/\*\*\*@/],
  [{ tunnel: { idle: 'long' } }, /tunnel\.idle: 'long' is no duration/],
  [{ tunnel: { sni: 'match' } }, /tunnel\.sni: 'match' is not allowed/],
  [{ pseudonym: 'a b' }, /pseudonym: 'a b'/],
];

for (const [options, message] of wrong)
  test(`options are judged at once: ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => forwardProxy(options as ForwardProxyOptions),
      (error) => error instanceof OptionsError && message.test(error.message),
    );
  });

for (const options of [undefined, {}, { tunnel: {}, timeouts: {}, clients: undefined }] as const)
  test(`options may be left out: ${JSON.stringify(options)}`, () => {
    assert.equal(forwardProxy(options as ForwardProxyOptions).name, 'forwardProxy');
  });

for (const [target, method, asked] of [
  ['', 'OPTIONS', '*'],
  ['/', 'OPTIONS', '/'],
  ['?a', 'OPTIONS', '/?a'],
  ['', 'GET', '/'],
])
  test(`${method} of http://site.test${target} asks the site for ${asked}`, async (t) => {
    const site = await startSite(t);
    const scene = await startProxy(t, { ports: [site.port] });
    const url = `http://site.test:${site.port}${target}`;
    const { text } = await exchangeRaw(
      scene.port,
      `${method} ${url} HTTP/1.1\r\nHost: site.test:${site.port}\r\n\r\n`,
    );
    assert.deepEqual([questionIn(text).method, questionIn(text).url], [method, asked]);
  });

test('an empty port is the one of http', async (t) => {
  const scene = await startProxy(t, { ports: [8080] });
  const { text } = await exchangeRaw(
    scene.port,
    ask('http://site.test:/').replace('test:\r', 'test\r'),
  );
  assert.match(text, /^HTTP\/1\.1 403 /);
  await until(() => scene.records.length === 1, 'a record');
  assert.equal(scene.records[0]?.destination, 'site.test:80');
});

test('the 407 of a site is no question of ours to the client: 502, and not cached', async (t) => {
  let asked = 0;
  const site = await startSite(t, (_req, res) => {
    asked++;
    const fields = { 'Proxy-Authenticate': 'Basic realm="site"', 'Cache-Control': 'max-age=60' };
    res.writeHead(407, fields).end('tell me your password');
  });
  const scene = await startProxy(t, { ports: [site.port] }, { before: [cache()] });
  for (let time = 1; time <= 2; time++) {
    const { text } = await exchangeRaw(scene.port, ask(`http://site.test:${site.port}/`));
    assert.match(text, /^HTTP\/1\.1 502 [^]*ERR_SEKISHO_UPSTREAM_PROTOCOL/);
    assert.doesNotMatch(text, /password|proxy-authenticate|407/i);
    assert.equal(asked, time);
  }
});

test('a Host with an empty port is the one without, and goes on without', async (t) => {
  const scene = await startProxy(t, {});
  const { reason } = await checkDestination('http://127.0.0.1/', {
    hostHeader: '127.0.0.1:',
    allowPrivate: ['127.0.0.1'],
  });
  assert.equal(reason, 'allowed');
  const { text } = await exchangeRaw(
    scene.port,
    'GET http://127.0.0.1:/ HTTP/1.1\r\nHost: 127.0.0.1:\r\n\r\n',
  );
  assert.match(text, /^HTTP\/1\.1 403 /);
});
