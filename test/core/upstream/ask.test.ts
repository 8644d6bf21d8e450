import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import type { ProxyError } from '../../../lib/core/errors.ts';
import { Asker, type AskerOptions } from '../../../lib/core/upstream/ask.ts';
import { listen, listenBytes, listenRaw, until } from '../../support/servers.ts';

function asker(t: TestContext, url: string, options: Partial<AskerOptions> = {}): Asker {
  const made = new Asker(new URL(url), { timeout: 5000, maxSize: 1000, most: 10, ...options });
  t.after(() => made.close());
  return made;
}

const host = ['Host', 'auth'] as const;

test('the question as it was put, and the whole answer', async (t) => {
  const { url } = await listen(t, (req, res) => {
    res.writeHead(403, { 'X-A': ['1', '2'] });
    res.end(
      `${req.method ?? ''} ${req.url ?? ''} ${req.headers.host ?? ''} ${String(req.headers.cookie)}`,
    );
  });
  const { answer } = asker(t, `${url}/verify?rd=1`).ask([...host, 'Cookie', 'a=1']);
  const { status, fields, body } = await answer;
  assert.equal(status, 403);
  assert.equal(String(body), 'GET /verify?rd=1 auth a=1');
  assert.deepEqual(fields.slice(0, 4), ['X-A', '1', 'X-A', '2']);
});

test('questions one after the other share a connection', async (t) => {
  const { server, url } = await listen(t, (_req, res) => res.end('x'));
  let connections = 0;
  server.on('connection', () => connections++);
  const made = asker(t, url);
  for (let index = 0; index < 5; index++) await made.ask(host).answer;
  assert.equal(connections, 1);
});

test('a body in many pieces, none of them overwritten by the next', async (t) => {
  const pieces = Array.from({ length: 50 }, (_, at) =>
    String.fromCharCode(65 + (at % 26)).repeat(900),
  );
  const { url } = await listen(t, (_req, res) => {
    const next = (at: number): void => {
      if (at === pieces.length) res.end();
      else res.write(pieces[at], () => setImmediate(next, at + 1));
    };
    next(0);
  });
  const { body } = await asker(t, url, { maxSize: 1e6 }).ask(host).answer;
  assert.equal(String(body), pieces.join(''));
});

test('interim answers are not the answer, and redirects are not followed', async (t) => {
  const { url } = await listenBytes(
    t,
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n',
  );
  assert.equal((await asker(t, url).ask(host).answer).status, 302);
});

const failures: readonly (readonly [what: string, answer: RequestListener, code: string])[] = [
  ['more than is wanted', (_req, res) => res.end('x'.repeat(1001)), 'UPSTREAM_PROTOCOL'],
  [
    'endlessly much',
    (_req, res) => {
      const more = (error?: Error | null): void => {
        // Node 26 tells of a lost connection here before it does by 'close'.
        if (!res.destroyed && !error) res.write('x'.repeat(5000), more);
      };
      more();
    },
    'UPSTREAM_PROTOCOL',
  ],
  ['a closed connection', (_req, res) => res.destroy(), 'UPSTREAM_RESET'],
  [
    'an end in the middle',
    (_req, res) => {
      res.writeHead(200, { 'content-length': 9 });
      res.write('{', () => setTimeout(() => res.destroy(), 20));
    },
    'TRUNCATED',
  ],
];

for (const [what, answer, code] of failures)
  test(`refused: ${what}`, async (t) => {
    const { url } = await listen(t, answer);
    await assert.rejects(asker(t, url).ask(host).answer, { code: `ERR_SEKISHO_${code}` });
  });

for (const [what, answer] of [
  ['silence', () => undefined],
  ['silence after the head', (_req, res) => res.flushHeaders()],
  [
    'an endless trickle',
    (_req, res) => {
      const timer = setInterval(() => res.write(' '), 20);
      res.on('close', () => clearInterval(timer));
    },
  ],
] as readonly (readonly [string, RequestListener])[])
  test(`given up after the timeout, and the connection with it: ${what}`, async (t) => {
    let closed = false;
    const { url } = await listen(t, (req, res) => {
      res.on('close', () => (closed = true));
      answer(req, res);
    });
    await assert.rejects(asker(t, url, { timeout: 200 }).ask(host).answer, (error: ProxyError) => {
      assert.match(error.code, /^ERR_SEKISHO_(?:TOTAL|HEADERS|IDLE)_TIMEOUT$/);
      return true;
    });
    await until(() => closed, 'the server sees the end');
  });

test('a question that is cancelled ends its connection', async (t) => {
  let asked = false;
  let closed = false;
  const { url } = await listen(t, (_req, res) => {
    asked = true;
    res.on('close', () => (closed = true));
  });
  const { answer, cancel } = asker(t, url).ask(host);
  answer.catch(() => undefined);
  await until(() => asked, 'it is asked');
  cancel();
  cancel();
  await assert.rejects(answer, { code: 'ERR_SEKISHO_CLIENT_ABORTED' });
  await until(() => closed, 'the server sees it');
});

test('more questions at a time than allowed are not asked; later ones are', async (t) => {
  const waiting: (() => void)[] = [];
  const { url } = await listen(t, (_req, res) => void waiting.push(() => res.end()));
  const made = asker(t, url, { most: 2 });
  const first = [made.ask(host).answer, made.ask(host).answer];
  await assert.rejects(made.ask(host).answer, { code: 'ERR_SEKISHO_QUEUE_FULL' });
  await until(() => waiting.length === 2, 'both are asked');
  for (const answer of waiting) answer();
  await Promise.all(first);
  const again = made.ask(host).answer;
  await until(() => waiting.length === 3, 'it is asked');
  waiting[2]!();
  assert.equal((await again).status, 200);
});

for (const [what, bytes] of [
  ['no HTTP', 'SSH-2.0-x\r\n'],
  ['a bare LF', 'HTTP/1.1 200 OK\nX: 1\n\n'],
  [
    'a control byte in a field',
    'HTTP/1.1 200 OK\r\nRemote-User: a\0b\r\nContent-Length: 0\r\n\r\n',
  ],
  ['a bare CR in a field', 'HTTP/1.1 200 OK\r\nRemote-User: a\rX: b\r\nContent-Length: 0\r\n\r\n'],
  ['a folded field', 'HTTP/1.1 200 OK\r\nRemote-User: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n'],
  [
    'another protocol',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  ],
] as const)
  test(`an answer that breaks HTTP: ${what}`, async (t) => {
    const { url } = await listenBytes(t, bytes);
    await assert.rejects(asker(t, url).ask(host).answer, {
      code: 'ERR_SEKISHO_UPSTREAM_PROTOCOL',
    });
  });

test('nobody there', async (t) => {
  await assert.rejects(asker(t, 'http://127.0.0.1:9/').ask(host).answer, {
    code: 'ERR_SEKISHO_CONNECT_REFUSED',
  });
});

test('closed: questions under way and later ones fail', async (t) => {
  let asked = false;
  const { url } = await listenRaw(t, (socket) => socket.on('data', () => (asked = true)));
  const made = asker(t, url);
  const { answer } = made.ask(host);
  answer.catch(() => undefined);
  await until(() => asked, 'it is asked');
  made.close();
  await assert.rejects(answer);
  await assert.rejects(made.ask(host).answer);
});
