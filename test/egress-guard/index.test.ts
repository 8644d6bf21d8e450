import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import test from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import express from 'express';
import { useClock } from '../../lib/core/clock.ts';
import {
  egressGuard,
  type EgressAlert,
  type EgressGuardOptions,
} from '../../lib/egress-guard/index.ts';
import { exchangeRaw, until } from '../support/servers.ts';
import { ask, behind, guarded } from './support.ts';

/** Of Amazon's documentation. */
const secret = 'AKIAIOSFODNN7EXAMPLE';
const json = { 'content-type': 'application/json' };

for (const hold of ['64kb', '1kb'] as const)
  for (const framing of ['Content-Length', 'chunked'])
    test(`a secret in a small body (${framing}, hold ${hold}): 403, and no server gets a whole request`, async (t) => {
      const server = await behind(t);
      const { port, alerts, transactions } = await guarded(
        t,
        { mode: 'block', inspection: { hold } },
        server.url,
      );
      const body = JSON.stringify({ note: `my key is ${secret}, keep it` });
      const { status, text } = await ask(port, '/paste', {
        method: 'POST',
        headers: framing === 'chunked' ? json : { ...json, 'content-length': body.length },
        body: [body.slice(0, 20), body.slice(20)],
      });
      assert.equal(status, 403);
      assert.doesNotMatch(text, /AKIA/);
      await until(() => server.received.every(({ aborted }) => aborted), 'the server hears of it');
      assert.ok(server.received.every(({ complete }) => !complete));
      assert.equal(Buffer.concat(server.received.map(({ bytes }) => bytes)).length, 0);
      assert.equal(alerts.length, 1);
      const [alert] = alerts as [EgressAlert];
      assert.equal(alert.rule, 'secret');
      assert.equal(alert.blocked, true);
      assert.equal(alert.evidence.kind, 'aws-access-key');
      assert.equal(alert.evidence.part, 'body');
      assert.equal(alert.evidence.offset, body.indexOf('AKIA'));
      assert.doesNotMatch(JSON.stringify(alert), /IOSFODNN7/);
      await until(() => transactions.length === 1, 'the record');
      const [record] = transactions;
      assert.equal(record?.egress, 'blocked');
      assert.deepEqual(record.egressRules, ['secret']);
      assert.equal(record.inspection, 'content');
      assert.equal(record.error, 'ERR_SEKISHO_EGRESS_BLOCKED');
    });

test('monitor: the same passes byte for byte, and what would have been blocked is told', async (t) => {
  const server = await behind(t);
  const { port, alerts, transactions } = await guarded(t, {}, server.url);
  const body = `key ${secret} end`;
  const { status } = await ask(port, '/', {
    method: 'PUT',
    body: [body.slice(0, 9), body.slice(9)],
  });
  assert.equal(status, 200);
  assert.equal(String(server.received[0]?.bytes), body);
  assert.equal(alerts[0]?.blocked, false);
  assert.equal(alerts[0].evidence.wouldBlock, true);
  await until(() => transactions.length === 1, 'the record');
  assert.equal(transactions[0]?.egress, 'monitored');
});

const codings = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const;
for (const [coding, compress] of Object.entries(codings))
  test(`block: a secret in a body with Content-Encoding: ${coding} does not leave; an honest one does, unchanged`, async (t) => {
    const server = await behind(t);
    const { port, alerts } = await guarded(t, { mode: 'block' }, server.url);
    const headers = { 'content-encoding': coding };
    const bad = compress(Buffer.from(`${'x '.repeat(50_000)}${secret} `));
    const refused = await ask(port, '/', { method: 'POST', headers, body: [bad] });
    assert.equal(refused.status, 403);
    assert.equal(alerts[0]?.rule, 'secret');
    const good = compress(Buffer.from('a quiet day '.repeat(20_000)));
    const pieces = [good.subarray(0, 10), good.subarray(10, 31), good.subarray(31)];
    assert.equal((await ask(port, '/', { method: 'POST', headers, body: pieces })).status, 200);
    assert.deepEqual(server.received.at(-1)?.bytes, good);
  });

for (const [what, headers, bytes] of [
  ['is broken', { 'content-encoding': 'gzip' }, Buffer.from('no gzip at all')],
  ['is cut short', { 'content-encoding': 'gzip' }, gzipSync('a'.repeat(9999)).subarray(0, -12)],
  ['is of a coding nobody knows', { 'content-encoding': 'rot13' }, Buffer.from('frperg')],
] as const)
  for (const mode of ['block', 'monitor'] as const)
    test(`${mode}: a body whose encoding ${what} is unreadable`, async (t) => {
      const server = await behind(t);
      const { port, alerts } = await guarded(t, { mode }, server.url);
      const { status } = await ask(port, '/', { method: 'POST', headers, body: [bytes] });
      assert.equal(status, mode === 'block' ? 403 : 200);
      assert.equal(alerts[0]?.rule, 'unreadable');
      assert.equal(
        server.received.some(({ complete }) => complete),
        mode === 'monitor',
      );
    });

test('a body that grows beyond all measure when it is decoded is unreadable', async (t) => {
  const server = await behind(t);
  const { port, alerts } = await guarded(
    t,
    { mode: 'block', inspection: { maxSize: '1mb' } },
    server.url,
  );
  const { status } = await ask(port, '/', {
    method: 'POST',
    headers: { 'content-encoding': 'gzip' },
    body: [gzipSync(randomBytes(2 << 20).toString('hex'))],
  });
  assert.equal(status, 403);
  assert.equal(alerts[0]?.evidence.reason, 'too-large');
});

test("S3's aws-chunked is no encoding", async (t) => {
  const server = await behind(t);
  const { port, alerts } = await guarded(t, { mode: 'block' }, server.url);
  const headers = { 'content-encoding': 'aws-chunked' };
  const { status } = await ask(port, '/', {
    method: 'PUT',
    headers,
    body: ['3\r\nabc\r\n0\r\n\r\n'],
  });
  assert.equal(status, 200);
  assert.deepEqual(alerts, []);
});

for (const [where, path, headers, part] of [
  ['the query', `/?note=${secret}`, {}, 'url'],
  ['the query, escaped', `/?note=%41KIA${secret.slice(4)}`, {}, 'url'],
  ['the path', `/a/${secret}/b`, {}, 'url'],
  ['a field', '/', { 'x-note': `see ${secret}` }, 'field x-note'],
  ['User-Agent', '/', { 'user-agent': secret }, 'field user-agent'],
] as const)
  test(`block: a secret in ${where} is refused before anybody hears of it`, async (t) => {
    const server = await behind(t);
    const { port, alerts } = await guarded(t, { mode: 'block' }, server.url);
    assert.equal((await ask(port, path, { headers })).status, 403);
    assert.equal(server.received.length, 0);
    assert.equal(alerts[0]?.evidence.part, part);
  });

test('the credentials by which a client logs in there are no news', async (t) => {
  const server = await behind(t);
  const { port, alerts } = await guarded(t, { mode: 'block' }, server.url);
  const headers = { authorization: `AWS4-HMAC-SHA256 Credential=${secret}/20260504` };
  assert.equal((await ask(port, '/', { headers })).status, 200);
  assert.deepEqual(alerts, []);
});

test('a secret in a trailer: no server gets a whole request', async (t) => {
  const server = await behind(t);
  const { port, alerts } = await guarded(t, { mode: 'block' }, server.url);
  const { text } = await exchangeRaw(
    port,
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Note\r\n\r\n1\r\na\r\n0\r\nX-Note: ${secret}\r\n\r\n`,
  );
  assert.match(text, /^HTTP\/1\.1 403 /);
  assert.equal(alerts[0]?.evidence.part, 'trailer x-note');
  assert.ok(server.received.every(({ complete }) => !complete));
});

test('a form is looked at as it is meant, whatever is escaped in it', async (t) => {
  const server = await behind(t);
  const { port, alerts } = await guarded(t, { mode: 'block' }, server.url);
  const { status } = await ask(port, '/', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: [`a=1&card+number=4111+1111%201111+111%`, `31&b=2`],
  });
  assert.equal(status, 403);
  assert.equal(alerts[0]?.rule, 'card-number');
});

test('what a body parser has read is looked at before anything is sent', async (t) => {
  const server = await behind(t);
  const { port } = await guarded(t, { mode: 'block' }, server.url, express.json());
  const post = (note: string): ReturnType<typeof ask> =>
    ask(port, '/', { method: 'POST', headers: json, body: [JSON.stringify({ note })] });
  assert.equal((await post(secret)).status, 403);
  assert.equal(server.received.length, 0);
  assert.equal((await post('nothing')).status, 200);
});

test('an upload over the cap is cut in its middle: the server never gets all of it', async (t) => {
  const server = await behind(t);
  const { port, alerts, transactions } = await guarded(
    t,
    { mode: 'block', patterns: false, volume: { windows: [{ window: '1h', cap: '1mb' }] } },
    server.url,
  );
  const size = 4 << 20;
  const { status } = await ask(port, '/up', {
    method: 'POST',
    headers: { 'content-length': size },
    body: Array.from({ length: 64 }, () => Buffer.alloc(size / 64, 'x')),
  });
  assert.equal(status, 403);
  await until(() => server.received[0]?.aborted === true, 'the server hears of it');
  const got = server.received[0]!.bytes.length;
  assert.ok(got < (1 << 20) + 1024, `${got} bytes came`);
  assert.equal(alerts[0]?.rule, 'volume-cap');
  await until(() => transactions.length === 1, 'the record');
  assert.equal(transactions[0]?.egress, 'cut');
  // And nothing more goes there until the window is over.
  assert.equal((await ask(port, '/')).status, 403);
});

test('many small requests come to the cap as well, by their URLs', async (t) => {
  const server = await behind(t);
  const { port } = await guarded(
    t,
    { mode: 'block', volume: { windows: [{ window: '1h', cap: '20kb' }] } },
    server.url,
  );
  const statuses: number[] = [];
  for (let count = 0; count < 6; count++)
    statuses.push((await ask(port, `/?d=${'a'.repeat(6000)}`)).status);
  assert.deepEqual(statuses, [200, 200, 200, 403, 403, 403]);
});

test('a long honest upload comes through unchanged, in both modes', async (t) => {
  const server = await behind(t);
  const bytes = Buffer.from(
    Array.from({ length: 3 << 20 }, (_, index) => (index * 7 + (index >> 8)) & 0xff),
  );
  for (const mode of ['block', 'monitor'] as const) {
    const { port } = await guarded(t, { mode }, server.url);
    const body = Array.from({ length: 61 }, (_, index) =>
      bytes.subarray(
        Math.floor((index * bytes.length) / 61),
        Math.floor(((index + 1) * bytes.length) / 61),
      ),
    );
    assert.equal((await ask(port, '/', { method: 'POST', body })).status, 200);
    assert.ok(server.received.at(-1)?.bytes.equals(bytes), mode);
  }
});

test('a client that waits in the middle of its upload is not held back for ever', async (t) => {
  const server = await behind(t);
  const { port } = await guarded(t, { mode: 'block' }, server.url);
  const answer = ask(port, '/', {
    method: 'POST',
    body: (async function* () {
      yield 'first ';
      await until(() => String(server.received[0]?.bytes) === 'first ', 'it gets there');
      yield 'second';
    })(),
  });
  assert.equal((await answer).status, 200);
  assert.equal(String(server.received[0]?.bytes), 'first second');
});

test('a secret that comes in two halves with a long pause between is found', async (t) => {
  const server = await behind(t);
  const { port } = await guarded(t, { mode: 'block' }, server.url);
  const answer = ask(port, '/', {
    method: 'POST',
    body: (async function* () {
      yield `x ${secret.slice(0, 12)}`;
      await until(() => (server.received[0]?.bytes.length ?? 0) > 0, 'the first half');
      yield `${secret.slice(12)} y`;
    })(),
  });
  assert.equal((await answer).status, 403);
  await until(() => server.received[0]?.aborted === true, 'cut');
});

test('file types are known by their first bytes, also in the parts of a form', async (t) => {
  const server = await behind(t);
  const { port, alerts } = await guarded(
    t,
    { mode: 'block', fileTypes: { deny: ['7z', 'sqlite'] } },
    server.url,
  );
  const archive = Buffer.from('7z\xbc\xaf\x27\x1c rest of it', 'latin1');
  const put = (body: Buffer | string, type = 'text/plain'): ReturnType<typeof ask> =>
    ask(port, '/', { method: 'PUT', headers: { 'content-type': type }, body: [body] });
  assert.equal((await put(archive)).status, 403);
  assert.equal(alerts[0]?.evidence.kind, '7z');
  const form = Buffer.concat([
    Buffer.from('--b1\r\nContent-Disposition: form-data; name="a"\r\n\r\n7z is a format\r\n'),
    Buffer.from('--b1\r\nContent-Disposition: form-data; name="f"; filename="cat.png"\r\n'),
    Buffer.from('Content-Type: image/png\r\n\r\nSQLite format 3\0and more\r\n--b1--\r\n'),
  ]);
  assert.equal((await put(form, 'multipart/form-data; boundary=b1')).status, 403);
  assert.equal(alerts[1]?.evidence.kind, 'sqlite');
  assert.equal((await put('7z is a format')).status, 200);
});

test("the user's own patterns, with keywords and severities", async (t) => {
  const server = await behind(t);
  const { port, alerts } = await guarded(
    t,
    {
      mode: 'block',
      patterns: [
        { name: 'project', pattern: /\bPRJ-\d{4}\b/ },
        { name: 'staff', pattern: /\b\d{6}\b/, keywords: ['employee', '社員番号'] },
        { name: 'rumour', pattern: /関ヶ原計画/, severity: 'low' },
      ],
    },
    server.url,
  );
  const post = async (body: string): Promise<number> =>
    (await ask(port, '/', { method: 'POST', body: [body] })).status;
  assert.equal(await post('about PRJ-2041 only'), 403);
  assert.equal(alerts.at(-1)?.evidence.kind, 'project');
  assert.equal(await post('number 123456'), 200);
  assert.equal(await post('社員番号は 123456 です'), 403);
  assert.equal(await post('関ヶ原計画について'), 200);
  assert.deepEqual(
    alerts.map(({ evidence }) => evidence.kind),
    ['project', 'staff', 'rumour'],
  );
});

test('what takes too long to look at passes and is recorded, or not, by policy', async (t) => {
  const server = await behind(t);
  const inspection = { timeBudget: 0 };
  for (const action of ['alert', 'block'] as const) {
    const { port, alerts } = await guarded(
      t,
      { mode: 'block', inspection, actions: { uninspected: action } },
      server.url,
    );
    const body = [Buffer.alloc(200_000, 'a b ')];
    const { status } = await ask(port, '/', { method: 'POST', body });
    assert.equal(status, action === 'block' ? 403 : 200);
    assert.equal(alerts[0]?.rule, 'uninspected');
  }
});

test('a JWT is told of and stops nothing; raw addresses stop when they are to', async (t) => {
  const server = await behind(t);
  const actions = { 'raw-ip': 'block' } as const;
  const { port, alerts } = await guarded(t, { mode: 'block', actions }, server.url);
  const token = ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxMjM0NTY3ODkwIn0', 'a'.repeat(43)].join('.');
  assert.equal((await ask(port, '/', { method: 'POST', body: [`t=${token} `] })).status, 200);
  assert.deepEqual(
    alerts.map(({ severity, evidence, blocked }) => [severity, evidence.kind, blocked]),
    [['low', 'jwt', false]],
  );
  const forward = await guarded(t, { mode: 'block', actions });
  assert.equal((await ask(forward.port, 'http://192.0.2.1/')).status, 403);
});

test('no answer and no alert has anything of what was found in it', async (t) => {
  const server = await behind(t);
  const { port, alerts, transactions } = await guarded(
    t,
    { mode: 'block', patterns: [{ name: 'staff', pattern: /staff-\d{6}/ }] },
    server.url,
  );
  const card = '4111111111111111';
  const texts: string[] = [];
  for (const body of [`card ${card}`, `x staff-112233 x`, `個人番号 123456789018 です`])
    texts.push((await ask(port, '/', { method: 'POST', body: [body] })).text);
  await until(() => transactions.length === 3, 'the records');
  assert.equal(alerts.length, 3);
  const all = JSON.stringify([texts, alerts, transactions]);
  assert.doesNotMatch(all, /4111|112233|123456789018/);
});

test('digests are the same for the same secret and key, and another for another key', async (t) => {
  const server = await behind(t);
  const digestWith = async (key: string): Promise<unknown> => {
    const { port, alerts } = await guarded(t, { key }, server.url);
    await ask(port, `/?x=${secret}`);
    return alerts[0]?.evidence.digest;
  };
  const first = await digestWith('0123456789abcdef');
  assert.match(String(first), /^[\w-]{22}$/);
  assert.equal(await digestWith('0123456789abcdef'), first);
  assert.notEqual(await digestWith('fedcba9876543210'), first);
});

test('the same is told once, with a count of the others', async (t) => {
  const server = await behind(t);
  let ahead = 0;
  t.after(useClock({ monotonic: () => performance.now() + ahead }));
  const { port, alerts } = await guarded(t, { alertWindow: '1h' }, server.url);
  for (let count = 0; count < 5; count++) await ask(port, `/?x=${secret}`);
  assert.equal(alerts.length, 1);
  assert.equal(alerts[0]?.repeated, 0);
  ahead = 3_600_000;
  await ask(port, `/?x=${secret}`);
  assert.equal(alerts.length, 2);
  assert.equal(alerts[1]?.repeated, 4);
});

for (const [what, onAlert] of [
  [
    'throws',
    () => {
      throw new Error('mine');
    },
  ],
  ['rejects', () => Promise.reject(new Error('mine'))],
] as const)
  test(`an onAlert that ${what} costs nobody a request`, async (t) => {
    const server = await behind(t);
    const { port } = await guarded(t, { onAlert }, server.url);
    const warned = once(process, 'warning');
    assert.equal((await ask(port, `/?x=${secret}`)).status, 200);
    // The same warning comes once a minute.
    await Promise.race([warned, new Promise((resolve) => setTimeout(resolve, 100))]);
    assert.equal((await ask(port, '/')).status, 200);
  });

for (const hold of ['64kb', '1kb'] as const)
  test(`direction 'response' (hold ${hold}): a list of cards does not leave in an answer`, async (t) => {
    const list = `card numbers: ${'4111111111111111 5555555555554444 '.repeat(3)}`;
    const server = await behind(t, (req, res) => {
      res.type('text/plain');
      if (req.url === '/small') res.send(list);
      else if (req.url === '/large') {
        res.write(Buffer.alloc(300_000, 'lorem '));
        res.end(list);
      } else res.send('nothing of interest');
    });
    const { port, alerts, transactions } = await guarded(
      t,
      { mode: 'block', direction: 'response', inspection: { hold } },
      server.url,
    );
    const small = await ask(port, '/small');
    assert.doesNotMatch(small.text, /4111/);
    assert.equal(small.status, 403);
    const large = await ask(port, '/large');
    assert.ok(large.broken);
    assert.equal((await ask(port, '/')).text, 'nothing of interest');
    assert.equal(alerts[0]?.evidence.part, 'answer');
    await until(() => transactions.length === 3, 'the records');
    assert.equal(transactions[1]?.egress, 'cut');
    // Requests are not looked at.
    assert.equal((await ask(port, `/?x=${secret}`)).status, 200);
  });

for (const part of ['field x-note', 'trailer x-note'] as const)
  test(`direction 'response': a secret in a ${part.split(' ')[0]} of an answer does not leave`, async (t) => {
    const server = await behind(t, (_req, res) => {
      res.setHeader('set-cookie', `session=${secret}`);
      if (part.startsWith('field')) res.setHeader('x-note', `the key ${secret}`);
      else res.setHeader('trailer', 'x-note');
      res.write('text');
      if (part.startsWith('trailer')) res.addTrailers({ 'x-note': `the key ${secret}` });
      res.end();
    });
    const options = { mode: 'block', direction: 'response' } as const;
    const { port, alerts } = await guarded(t, options, server.url);
    const { status } = await ask(port, '/', { headers: { te: 'trailers' } });
    assert.equal(status, 403);
    assert.deepEqual(
      alerts.map(({ evidence }) => evidence.part),
      [part],
    );
  });

test("direction 'response': the answers of the app's own handlers, too", async (t) => {
  const alerts: EgressAlert[] = [];
  const guard = egressGuard({
    mode: 'block',
    direction: 'response',
    onAlert: (a) => alerts.push(a),
  });
  const app = express().use(guard);
  app.get('/leak', (_req, res) => void res.send(`the key: ${secret}`));
  app.get('/fine', (_req, res) => void res.send('fine'));
  app.set('env', 'test');
  const server = app.listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port: own } = server.address() as { port: number };
  assert.equal((await ask(own, '/leak')).status, 403);
  assert.equal((await ask(own, '/fine')).text, 'fine');
  assert.equal(alerts.length, 1);
});

test("direction 'response': an upgrade is no way around it", async (t) => {
  const server = await behind(t, (_req, res) => void res.send(`the key: ${secret}`));
  const options = { mode: 'block', direction: 'response' } as const;
  const { port, alerts } = await guarded(t, options, server.url);
  const { text } = await exchangeRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  assert.ok(!text.includes(secret), text);
  assert.match(text, /^HTTP\/1\.1 403 /);
  assert.equal(alerts.length, 1);
});

for (const [what, options, problem] of [
  ['an unknown option', { modes: 'block' }, /unknown option 'modes'; did you mean 'mode'/],
  [
    'a wrong mode',
    { mode: 'blok' },
    /mode: 'blok' is not allowed; use one of 'monitor', 'block'; did you mean 'block'/,
  ],
  ['a pattern that is none', { patterns: [{ name: 'a', pattern: '(' }] }, /patterns/],
  [
    'a pattern that looks back at itself',
    { patterns: [{ name: 'a', pattern: /(a+)+\1$/ }] },
    /patterns\.0\.pattern: /,
  ],
  ['a pattern without a name', { patterns: [{ pattern: /a/ }] }, /name/],
  ['an unknown file type', { fileTypes: { deny: ['zipp'] } }, /did you mean 'zip'/],
  ['allow and deny', { fileTypes: { deny: ['zip'], allow: ['pdf'] } }, /use one of them/],
  ['an unknown rule', { actions: { secrets: 'block' } }, /did you mean 'secret'/],
  ['a URL for a domain', { destinations: { allow: ['https://example.com/'] } }, /is no domain/],
  [
    'a missing list',
    { destinations: { lists: [{ file: '/nowhere/list', category: 'bad' }] } },
    /name a file that can be read/,
  ],
  ['a short key', { key: 'abc' }, /too short/],
  ['no windows', { volume: { windows: [] } }, /name a window/],
  ['an unknown secret', { patterns: { secrets: ['aws'] } }, /secrets/],
  [
    'block mode that holds nothing',
    { mode: 'block', inspection: { hold: 0 } },
    /use '1kb' or more/,
  ],
  ['a store without an address', { store: {} }, /neither client nor url/],
] as const)
  test(`options: ${what} is refused at once, in words that help`, () => {
    assert.throws(
      () => egressGuard(options as unknown as EgressGuardOptions),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_SEKISHO_OPTIONS');
        assert.match(error.message, problem);
        return true;
      },
    );
  });

for (const options of [
  undefined,
  {},
  { mode: undefined },
  { mode: 'monitor', inspection: { hold: 0 } },
  { volume: false, beaconing: false, patterns: false },
] as const)
  test(`options: ${JSON.stringify(options)} will do`, () => {
    egressGuard(options as EgressGuardOptions).close();
  });
