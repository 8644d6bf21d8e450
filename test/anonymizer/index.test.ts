import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import type { IncomingMessage, RequestListener } from 'node:http';
import express from 'express';
import { anonymizer, type AnonymizerOptions } from '../../lib/anonymizer/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { middlewareTag, type MiddlewareInfo } from '../../lib/core/middleware.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { listen } from '../support/servers.ts';
import { rawClient } from '../support/upgrades.ts';

type Fields = Readonly<Record<string, string | readonly string[]>>;

/** Everything that gives somebody away. */
const telling: Fields = {
  Forwarded: 'for=10.1.2.3',
  'Forwarded-For': '10.1.2.3',
  'X-Forwarded-For': '10.1.2.3',
  'X-Forwarded-Host': 'wiki.corp',
  'X-Forwarded-Server': 'gate7.corp',
  Via: '1.1 gate7.corp (Squid/6)',
  'X-Real-IP': '10.1.2.3',
  X_Real_IP: '10.1.2.3',
  'Client-IP': '10.1.2.3',
  'True-Client-IP': '10.1.2.3',
  'CF-Connecting-IP': '10.1.2.3',
  'X-Client-IP': '10.1.2.3',
  'X-Originating-IP': '10.1.2.3',
  'X-Remote-User': 'alice',
  'X-Authenticated-User': 'alice',
  From: 'alice@corp.example',
  'X-Client-Data': 'CIe2yQEIprbJAQ==',
  'X-Requested-With': 'com.example.mail',
  'X-Device-ID': '4711',
  'X-UIDH': 'abc',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'corp=1',
  baggage: 'userId=alice',
  'X-B3-TraceId': '80f198ee56343ba8',
  'Sec-CH-UA': '"Chromium";v="126"',
  'Sec-CH-UA-Platform': '"Linux"',
  'Sec-CH-UA-Full-Version-List': '"Chromium";v="126.0.6478.126"',
  'Sec-CH-UA-Model': '"Pixel 7"',
  'Device-Memory': '8',
  Downlink: '10',
  'Save-Data': 'on',
  'Ping-From': 'http://wiki.corp/x',
  'Ping-To': 'http://wiki.corp/y',
  'X-Originating-Host': 'pc7.corp',
  'X-Backend': 'node7.corp',
  'X-User': 'alice',
  'X-Email': 'alice@corp.example',
  'X-ARR-ClientCert': 'MIIB',
  'X-Akamai-Edgescape': 'country_code=JP',
  'CF-Access-Authenticated-User-Email': 'alice@corp.example',
  'CF-IPCity': 'Kyoto',
  'CloudFront-Viewer-Address': '10.1.2.3:4711',
  'Fastly-Client-IP': '10.1.2.3',
  'Fly-Client-IP': '10.1.2.3',
  'X-Azure-SocketIP': '10.1.2.3',
  'X-AppEngine-User-IP': '10.1.2.3',
  'X-Vercel-Forwarded-For': '10.1.2.3',
  'X-MS-Client-Principal-Name': 'alice',
  'X-Goog-Authenticated-User-Email': 'alice@corp.example',
  'X-Amzn-Oidc-Identity': 'alice',
  'X-Amzn-Trace-Id': 'Root=1-67891233-abcdef012345678912345678',
  'X-Cloud-Trace-Context': '105445aa7843bc8bf206b12000100000/1',
  'Request-Id': '|7d5f',
  'X-Request-ID': '7d5f',
  'X-Correlation-ID': '7d5f',
  'Sec-Browsing-Topics': '(1);v=chrome.1:1:2',
  'Attribution-Reporting-Eligible': 'event-source',
};

/** What a site needs, or what the user wants it to know. */
const needed: Fields = {
  Accept: 'text/html',
  'Accept-Language': 'ja',
  Authorization: 'Bearer secret',
  Cookie: 'session=1',
  DNT: '1',
  'Sec-GPC': '1',
  'Sec-Fetch-Mode': 'navigate',
  'X-Api-Version': '2',
  'X-Api-Key': 'secret',
  'X-CSRF-Token': 'secret',
  'X-Auth-Token': 'secret',
  'X-Auth-Email': 'account@site.example',
  'X-User-Token': 'secret',
  'Idempotency-Key': '8e03978e',
  'CF-Access-Client-Id': 'machine',
  'Fastly-Key': 'secret',
  'X-Amz-Date': '20260101T000000Z',
  'X-MS-Client-Request-Id': '1',
};

async function upstream(
  t: TestContext,
  answer: Fields = {},
): Promise<{ url: string; port: number; upgrades: IncomingMessage[] }> {
  const upgrades: IncomingMessage[] = [];
  const echo: RequestListener = (req, res) => {
    for (const [name, value] of Object.entries(answer)) res.setHeader(name, value);
    res.end(JSON.stringify(req.headers));
  };
  const listening = await listen(t, echo);
  listening.server.on('upgrade', (req: IncomingMessage, socket) => {
    upgrades.push(req);
    socket.end(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAccept-CH: DPR\r\n\r\nbye',
    );
  });
  return { ...listening, upgrades };
}

interface Answer {
  /** As the server has got them. */
  readonly fields: Readonly<Record<string, string | undefined>>;
  readonly headers: IncomingMessage['headers'];
}

async function ask(port: number, headers: Fields, path = '/'): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port, path, headers: headers as never }).end();
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.on('response', resolve).on('error', reject);
  });
  const body = await text(answer);
  assert.equal(answer.statusCode, 200, body);
  return { fields: JSON.parse(body) as Answer['fields'], headers: answer.headers };
}

async function reverse(
  t: TestContext,
  options?: AnonymizerOptions,
  answer?: Fields,
): Promise<number> {
  const { url } = await upstream(t, answer);
  const app = express();
  app.set('trust proxy', true);
  app.use(anonymizer(options), balancedProxy(url));
  return (await listen(t, app)).port;
}

async function outbound(
  t: TestContext,
  options?: AnonymizerOptions,
  answer?: Fields,
): Promise<{
  ask: (headers: Fields, host?: string) => Promise<Answer>;
  port: number;
  site: Awaited<ReturnType<typeof upstream>>;
}> {
  const site = await upstream(t, answer);
  const app = express();
  const out = forwardProxy({
    ports: [site.port],
    allowPrivate: ['site.example', 'api.example', '127.0.0.1'],
    lookup: () => Promise.resolve(['127.0.0.1']),
  });
  app.use(anonymizer(options), out);
  const { port, server } = await listen(t, app);
  attach(server, app);
  t.after(() => out.close());
  return {
    port,
    site,
    ask: (headers, host = 'site.example') =>
      ask(port, { Host: `${host}:${site.port}`, ...headers }, `http://${host}:${site.port}/`),
  };
}

const gone = Object.keys(telling).map((name) => name.toLowerCase());

for (const [what, run] of [
  ['balancedProxy', async (t: TestContext) => ask(await reverse(t), { ...telling, ...needed })],
  ['forwardProxy', async (t: TestContext) => (await outbound(t)).ask({ ...telling, ...needed })],
] as const)
  test(`${what}: what gives somebody away stays here, what is needed goes on`, async (t) => {
    const { fields } = await run(t);
    for (const name of gone) assert.equal(fields[name], undefined, name);
    for (const [name, value] of Object.entries(needed))
      assert.equal(fields[name.toLowerCase()], value, name);
    const others = Object.keys(fields).filter((name) => /forward|via|ip$|addr/.test(name));
    assert.deepEqual(others, []);
    assert.doesNotMatch(JSON.stringify(fields), /10\.1\.2\.3|corp|alice/);
  });

test('an upgrade goes without them, too, and its answer without Accept-CH', async (t) => {
  const { url, upgrades } = await upstream(t);
  const app = express();
  app.use(anonymizer(), balancedProxy(url));
  const { port, server } = await listen(t, app);
  attach(server, app);
  const lines = Object.entries({ ...telling, ...needed, Referer: 'http://wiki.corp/a' })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const client = await rawClient(
    port,
    `GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${lines}\r\n`,
  );
  await client.sees('bye');
  client.socket.destroy();
  const [{ headers }] = upgrades as [IncomingMessage];
  for (const name of [...gone, 'referer']) assert.equal(headers[name], undefined, name);
  assert.equal(headers['sec-websocket-version'], '13');
  assert.equal(headers.cookie, 'session=1');
  assert.doesNotMatch(client.text, /accept-ch/i);
});

test('a WebSocket through forwardProxy goes without them', async (t) => {
  const { port, site } = await outbound(t);
  const client = await rawClient(
    port,
    `GET http://site.example:${site.port}/chat HTTP/1.1\r\nHost: site.example:${site.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Forwarded-For: 10.1.2.3\r\nVia: 1.1 gate7\r\nUser-Agent: corp-tool/1.2.3 (alice)\r\n\r\n`,
  );
  await client.sees('bye');
  client.socket.destroy();
  const [{ headers }] = site.upgrades as [IncomingMessage];
  assert.deepEqual(
    [headers['x-forwarded-for'], headers.via, headers['user-agent']],
    [undefined, undefined, 'corp-tool/1'],
  );
});

const long = 'https://www.example.com/private?token=1';
const firefox = 'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0.2';

for (const [options, sent, name, expected] of [
  [{}, { Referer: long }, 'referer', 'https://www.example.com/'],
  [{}, { Referer: 'http://wiki.corp/page' }, 'referer', undefined],
  [{ referer: 'origin' }, { Referer: long }, 'referer', 'https://www.example.com/'],
  [{ referer: 'drop' }, { Referer: long }, 'referer', undefined],
  [{ referer: 'keep' }, { Referer: long }, 'referer', long],
  [{}, { Origin: 'https://www.example.com' }, 'origin', 'https://www.example.com'],
  [{}, { Origin: 'http://wiki.corp' }, 'origin', 'null'],
  [
    {},
    { 'User-Agent': firefox },
    'user-agent',
    firefox.replace('Ubuntu; ', '').replace(/\.2$/, ''),
  ],
  [{ userAgent: 'keep' }, { 'User-Agent': firefox }, 'user-agent', firefox],
  [{ userAgent: 'drop' }, { 'User-Agent': firefox }, 'user-agent', undefined],
  [{ userAgent: 'Mozilla/5.0' }, { 'User-Agent': firefox }, 'user-agent', 'Mozilla/5.0'],
  [{ userAgent: 'Mozilla/5.0' }, {}, 'user-agent', undefined],
  [{ clientHints: 'low-entropy' }, telling, 'sec-ch-ua', '"Chromium";v="126"'],
  [{ clientHints: 'low-entropy' }, telling, 'sec-ch-ua-model', undefined],
  [{ clientHints: 'keep' }, telling, 'sec-ch-ua-model', '"Pixel 7"'],
  [{}, { 'X-Requested-With': 'XMLHttpRequest' }, 'x-requested-with', 'XMLHttpRequest'],
  [{ remove: ['cookie'] }, needed, 'cookie', undefined],
  [{ remove: ['Accept-Language'] }, needed, 'accept-language', undefined],
  [{ remove: ['x-api-*'] }, needed, 'x-api-version', undefined],
  [{ remove: ['x_corp_user'] }, { 'X-Corp-User': 'alice' }, 'x-corp-user', undefined],
  [{ remove: ['x-corp-user'] }, { 'X.Corp_User': 'alice' }, 'x.corp_user', undefined],
  [{ keep: ['via'] }, { Via: '1.1 gate7' }, 'via', '1.1 gate7, 1.1 sekisho'],
  [{ keep: ['x-b3-*'] }, telling, 'x-b3-traceid', '80f198ee56343ba8'],
  [{ keep: ['referer'] }, { Referer: long }, 'referer', long],
  [{ remove: ['cookie'], keep: ['cookie'] }, needed, 'cookie', 'session=1'],
  [{}, { constructor: 'a', 'x-proto': 'b' }, 'constructor', 'a'],
] as readonly (readonly [AnonymizerOptions, Fields, string, string | undefined])[])
  test(`${JSON.stringify(options)}: ${name} is ${expected ?? 'gone'}`, async (t) => {
    const { fields } = await ask(await reverse(t, options), sent);
    assert.equal(fields[name], expected);
  });

for (const [keep, host, expected] of [
  [{ 'api.example': ['traceparent'] }, 'api.example', ['1', undefined]],
  [{ 'api.example': ['traceparent'] }, 'site.example', [undefined, undefined]],
  [{ 'API.example.': true }, 'api.example', ['1', 'wiki']],
  [{ '*.example': ['x-device-id'], 'api.example': ['traceparent'] }, 'api.example', ['1', 'wiki']],
  [{ '127.0.0.0/8': true }, '127.0.0.1', ['1', 'wiki']],
  [{ '127.0.0.0/8': true }, 'api.example', [undefined, undefined]],
] as const)
  test(`keep ${JSON.stringify(keep)}, for ${host}`, async (t) => {
    const proxy = await outbound(t, { keep });
    for (let times = 0; times < 2; times++) {
      const { fields } = await proxy.ask({ traceparent: '1', 'X-Device-ID': 'wiki' }, host);
      assert.deepEqual([fields.traceparent, fields['x-device-id']], expected);
    }
  });

test('on a reverse proxy the destination is the host that is asked for', async (t) => {
  const port = await reverse(t, { keep: { 'api.example': true } });
  for (const [host, expected] of [
    ['API.example:80', '1'],
    ['site.example', undefined],
  ] as const)
    assert.equal((await ask(port, { Host: host, traceparent: '1' })).fields.traceparent, expected);
});

test('answers go without what asks for hints, and without cookies that would go nowhere', async (t) => {
  const answer = { 'Accept-CH': 'DPR', 'Critical-CH': 'DPR', 'Set-Cookie': 'id=1', ETag: '"1"' };
  const seen = async (options?: AnonymizerOptions): Promise<unknown[]> => {
    const { headers } = await ask(await reverse(t, options, answer), {});
    return [headers['accept-ch'], headers['critical-ch'], headers['set-cookie'], headers.etag];
  };
  assert.deepEqual(await seen(), [undefined, undefined, ['id=1'], '"1"']);
  assert.deepEqual(await seen({ clientHints: 'keep' }), ['DPR', 'DPR', ['id=1'], '"1"']);
  assert.deepEqual(await seen({ remove: ['cookie'] }), [undefined, undefined, undefined, '"1"']);
});

test('answers of our servers do not tell of the inside, answers of the web stay as they are', async (t) => {
  const traces = { Via: '1.1 varnish7.corp', 'X-Served-By': 'node7', traceresponse: '00-1-2-00' };
  const answer = { ...traces, 'X-Request-Id': '7' };
  const own = await ask(await reverse(t, {}, answer), {});
  assert.deepEqual(
    ['via', 'x-served-by', 'traceresponse', 'x-request-id'].map((name) => own.headers[name]),
    ['1.1 sekisho', undefined, undefined, '7'],
  );
  const kept = await ask(await reverse(t, { keep: ['x-served-by'] }, answer), {});
  assert.equal(kept.headers['x-served-by'], 'node7');
  const web = await (await outbound(t, {}, answer)).ask({});
  assert.match(String(web.headers.via), /^1\.1 varnish7\.corp, 1\.1 sekisho/);
  assert.equal(web.headers['x-served-by'], 'node7');
});

test('what the operator adds for the server is sent', async (t) => {
  const { url } = await upstream(t);
  const app = express();
  app.use(anonymizer(), balancedProxy(url, { headers: { request: { 'X-Real-IP': 'set' } } }));
  const { port } = await listen(t, app);
  const { fields } = await ask(port, { 'X-Real-IP': '10.1.2.3' });
  assert.equal(fields['x-real-ip'], 'set');
});

test('who a gate has found the user to be stays here', async (t) => {
  const { url } = await upstream(t);
  const app = express();
  app.use((req, _res, next) => {
    contextOf(req).identity = ['X-Forwarded-User', 'alice'];
    next();
  });
  app.use(anonymizer(), balancedProxy(url));
  const { fields } = await ask((await listen(t, app)).port, {});
  assert.equal(fields['x-forwarded-user'], undefined);
});

test('nothing of the request changes for the app', async (t) => {
  const app = express();
  app.use(anonymizer(), (req, res) => res.json(req.headers));
  const { fields } = await ask((await listen(t, app)).port, telling);
  assert.equal(fields.via, telling.Via);
});

test('is a wrapper', () => {
  const handler = anonymizer() as unknown as Record<symbol, MiddlewareInfo>;
  const { kind, name } = handler[middlewareTag] as MiddlewareInfo;
  assert.deepEqual([kind, name], ['wrapper', 'anonymizer']);
});

for (const [options, problem] of [
  [{ remove: ['host'] }, /remove\.0: 'host' says how to read the request, and cannot be removed/],
  [{ remove: ['content-*'] }, /'content-\*' says how to read/],
  [{ remove: ['*'] }, /'\*' is no field name/],
  [{ remove: ['a b'] }, /'a b' is no field name/],
  [{ remove: 'cookie' }, /remove/],
  [{ userAgent: 'generalise' }, /did you mean 'generalize'/],
  [{ userAgent: 'a/1\r\nX: y' }, /userAgent/],
  [{ referer: 'cut' }, /referer: 'cut' is not allowed; use one of 'origin', 'drop', 'keep'/],
  [{ clientHints: 'low' }, /clientHints/],
  [{ keep: ['api.example'] }, /'api\.example' is a destination; write \{ 'api\.example': true \}/],
  [{ keep: { 'http://api.example/': true } }, /is no destination/],
  [{ keep: { 'api.example': false } }, /keep/],
  [{ keep: { 'api.example': ['a b'] } }, /'a b' is no field name/],
  [{ usrAgent: 'keep' }, /did you mean 'userAgent'/],
] as const)
  test(`refuses the options ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => anonymizer(options as never),
      (error) => error instanceof OptionsError && problem.test(error.message),
    );
  });

for (const [name, options] of [
  ['no argument', undefined],
  ['{}', {}],
  [
    'undefined members',
    {
      remove: undefined,
      userAgent: undefined,
      referer: undefined,
      clientHints: undefined,
      keep: undefined,
    },
  ],
] as const)
  test(`the defaults hold: ${name}`, async (t) => {
    const port = await reverse(t, options as AnonymizerOptions);
    const { fields } = await ask(port, { ...telling, Referer: long, 'User-Agent': 'curl/8.5.0' });
    assert.deepEqual(
      [fields.via, fields.referer, fields['user-agent'], fields['sec-ch-ua']],
      [undefined, 'https://www.example.com/', 'curl/8', undefined],
    );
  });
