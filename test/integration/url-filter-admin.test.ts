/**
 * A gate mounted at /admin, a forwarder wider than it, and a server behind that reads paths in every way some server is
 * known to: with urlFilter() first, no spelling of /admin reaches it without credentials.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import express from 'express';
import fc from 'fast-check';
import { WebSocket, WebSocketServer } from 'ws';
import { authGate } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { urlFilter, type UrlFilterOptions } from '../../lib/url-filter/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';

type Reader = (path: string) => string;

/** Steps by which servers come from a request target to a file or a servlet. */
const steps = {
  once: decodeOnce,
  twice: (path) => decodeOnce(decodeOnce(path)),
  thrice: (path) => decodeOnce(decodeOnce(decodeOnce(path))),
  /** IIS' %uXXXX, and overlong UTF-8 (CVE-2000-0884). */
  wide: (path) =>
    decodeOnce(path.replace(/%u00([\da-f]{2})/gi, (_, hex: string) => byte(hex)))
      .replace(/\xc0([\x80-\xbf])/g, (_, low: string) => char(low.charCodeAt(0) & 0x3f))
      .replace(/\xc1([\x80-\xbf])/g, (_, low: string) => char(0x40 | (low.charCodeAt(0) & 0x3f))),
  slashes: (path) => path.replaceAll('\\', '/'),
  parameters: (path) => path.replace(/;[^/]*/g, ''),
  merge: (path) => path.replace(/\/{2,}/g, '/'),
  dots: (path) => {
    const kept: string[] = [];
    for (const segment of path.split('/'))
      if (segment === '..') kept.pop();
      else if (segment !== '.') kept.push(segment);
    return kept.join('/').replace(/^(?!\/)/, '/');
  },
  cut: (path) => path.replace(/[\0?#].*/s, ''),
  // eslint-disable-next-line no-control-regex -- exactly these
  trim: (path) => path.replace(/[\0-\x1f]/g, ''),
  windows: (path) => path.replace(/([^/. ])[. ]+(?=\/|$)/g, '$1'),
} satisfies Record<string, Reader>;

function decodeOnce(path: string): string {
  return path.replace(/%([\da-f]{2})/gi, (_, hex: string) => byte(hex));
}
function byte(hex: string): string {
  return char(parseInt(hex, 16));
}
function char(code: number): string {
  return String.fromCharCode(code);
}

const decoders: readonly Reader[] = [
  (path) => path,
  steps.once,
  steps.twice,
  steps.thrice,
  steps.wide,
];
const others: readonly Reader[] = [
  ...[
    steps.slashes,
    steps.parameters,
    steps.merge,
    steps.dots,
    steps.cut,
    steps.trim,
    steps.windows,
  ],
];

/** Whether some server that does any of these steps, in any of some orders, would serve /admin. */
function isAdminToSomebody(url: string): boolean {
  const [path = ''] = url.split('?', 1);
  for (const decode of decoders)
    for (let choice = 0; choice < 1 << others.length; choice++) {
      const chosen = others.filter((_, index) => (choice & (1 << index)) !== 0);
      for (const order of [
        [decode, ...chosen],
        [...chosen, decode],
        [...chosen, decode, ...chosen],
      ]) {
        const read = order.reduce((before, step) => step(before), path);
        if (/^\/admin(?:[/?#;\0]|$)/.test(read)) return true;
      }
    }
  return false;
}

interface Gateway {
  readonly port: number;
  /** What the server behind was asked for. */
  readonly reached: string[];
}

async function gateway(t: TestContext, options: UrlFilterOptions | false): Promise<Gateway> {
  const reached: string[] = [];
  const upstream = await listen(t, (req, res) => {
    reached.push(req.url ?? '');
    res.end('served');
  });
  const sockets = new WebSocketServer({ server: upstream.server });
  sockets.on('connection', (socket, req) => {
    reached.push(req.url ?? '');
    socket.close();
  });
  const app = express();
  if (options !== false) app.use(urlFilter(options));
  app.use('/admin', authGate({ basic: { users: { alice: 'wonderland' } } }));
  app.use(balancedProxy(upstream.url));
  app.use(errorPages());
  const { port, server } = await listen(t, app);
  attach(server);
  return { port, reached };
}

const spellings = [
  ...['/admin', '/admin/', '/admin/x', '/admin?x', '/%61dmin/x', '/%61%64%6d%69%6e', '/admi%6E/'],
  ...[
    '//admin/x',
    '///admin',
    '/.//admin',
    '/./admin/x',
    '/a/../admin/x',
    '/../admin',
    '/a/./../admin',
  ],
  ...[
    '/admin%2Fx',
    '/%2fadmin/x',
    '/%2Fadmin',
    '/a%2f..%2fadmin',
    '/a/..%2Fadmin',
    '/a%2f../admin',
  ],
  ...[
    '/admin;v=1/x',
    '/admin;',
    '/;/admin',
    '/;x=1/admin/x',
    '/a/..;/admin',
    '/a/..;x/admin',
    '/.;/admin',
  ],
  ...[
    '/admin%3bv=1',
    '/%3B/admin',
    '/%2e/admin/x',
    '/%2E%2E/admin',
    '/a/%2e%2e/admin',
    '/a/.%2e/admin',
  ],
  ...[
    '/admin\\x',
    '\\admin',
    '/\\admin',
    '/a\\..\\admin',
    '/admin%5Cx',
    '/%5cadmin',
    '/a/..%5cadmin',
  ],
  ...[
    '/%2561dmin',
    '/%252561dmin',
    '/admin%252Fx',
    '/a%252f..%252fadmin',
    '/%252e%252e/admin',
    '/%25%36%31dmin',
  ],
  ...[
    '/admin%00',
    '/admin%00.png',
    '/admin%00/x',
    '/admin%3Fx',
    '/admin%3f',
    '/admin%23x',
    '/admin#x',
  ],
  ...[
    '/admin%253Fx',
    '/admin%0d',
    '/admin%0a/x',
    '/adm%09in',
    '/ad%0d%0amin',
    '/%0aadmin',
    '/admin%7F',
  ],
  ...[
    '/admin.',
    '/admin./x',
    '/admin%20',
    '/admin%20/x',
    '/admin%20.%20',
    '/admin%2e',
    '/admin.;x',
  ],
  ...[
    '/%u0061dmin',
    '/%c1%a1dmin',
    '/admin%c0%afx',
    '/admin%e0%80%afx',
    '/%c0%ae/admin',
    '/a/%c0%ae%c0%ae/admin',
  ],
  ...['http://site.example/admin', 'HTTP://site.example//admin', 'http://site.example/%61dmin/x'],
];

for (const spelling of spellings)
  test(`${spelling} does not get past the gate`, async (t) => {
    const { port, reached } = await gateway(t, {});
    const ask = async (more: string): Promise<number> => {
      const head = `GET ${spelling} HTTP/1.1\r\nHost: site.example\r\n${more}Connection: close\r\n\r\n`;
      return Number(/^HTTP\/1\.1 (\d+)/.exec((await exchangeRaw(port, head)).text)?.[1]);
    };
    const status = await ask('');
    assert.ok([400, 401, 421].includes(status), `answered ${status}`);
    assert.deepEqual(reached, []);
    // What is one and the same to everybody is so to its user, too; the rest is refused to him as well.
    const known = await ask(`Authorization: Basic ${btoa('alice:wonderland')}\r\n`);
    assert.equal(known, status === 401 ? 200 : status);
    for (const url of reached) assert.match(url, /^\/admin(?:[/?]|$)/);
  });

test('without the filter some of them do: the server behind is as eager as it should be here', async (t) => {
  const { port, reached } = await gateway(t, false);
  for (const spelling of spellings)
    await exchangeRaw(
      port,
      `GET ${spelling} HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n`,
    );
  assert.ok(reached.filter(isAdminToSomebody).length > 20, reached.join(' '));
});

for (const path of ['/%61dmin', '//admin', '/a/../admin', '/admin%2Fx', '/admin;x'])
  test(`nor does a WebSocket for ${path}`, async (t) => {
    const { port, reached } = await gateway(t, {});
    const { text } = await exchangeRaw(
      port,
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 40[01] /);
    assert.deepEqual(reached, []);
  });

test('a WebSocket elsewhere passes', async (t) => {
  const { port, reached } = await gateway(t, {});
  const socket = new WebSocket(`ws://127.0.0.1:${port}//chat/%7Eroom`);
  await once(socket, 'open');
  socket.terminate();
  assert.deepEqual(reached, ['/chat/~room']);
});

for (const url of [
  ...['/', '/a/b.c?d=e', '/a%20b', '/caf%C3%A9', '/100%25', '/a+b&c=d', '/a:b@c', "/it's(1)*!$,"],
  ...[
    '/a?next=//admin/..%2f;x',
    '/?',
    '/a/.hidden',
    '/a/...b',
    '/a..b',
    '/%E2%82%AC/%5B1%5D',
    '/administrator',
    '/x/admin',
  ],
])
  test(`${url} reaches the server byte for byte`, async (t) => {
    const { port, reached } = await gateway(t, {});
    await exchangeRaw(port, `GET ${url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.deepEqual(reached, [url]);
  });

const atoms = fc.constantFrom(
  ...['/', '//', '\\', '.', '..', '/./', '/../', ';', ';x=1', '%2f', '%2F', '%5c', '%2e', '%2E%2e'],
  ...[
    '%252f',
    '%25',
    '%2',
    '%00',
    '%3f',
    '%23',
    '%3b',
    '%0a',
    '%c0%af',
    '%c0%ae',
    '%u002f',
    '?',
    '#',
  ],
  ...['%20', 'admin.'],
  ...['a', 'admin', '%61dmin', 'adm%69n', '%2561dmin', 'dmin', 'in', '%c1%a1dmin', 'x'],
);

test('fuzz: nothing that anybody reads as /admin gets past the gate', async (t) => {
  const { port, reached } = await gateway(t, {});
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  await fc.assert(
    fc.asyncProperty(fc.array(atoms, { minLength: 1, maxLength: 8 }), async (parts) => {
      reached.length = 0;
      const asked = request({ port, agent, host: '127.0.0.1', path: `/${parts.join('')}` }).end();
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      await text(answer);
      for (const url of reached) assert.ok(!isAdminToSomebody(url), `${url} was served`);
    }),
    { numRuns: 400 },
  );
});
