import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import express, { type Request } from 'express';
import { pino } from 'pino';
import { accessLog, type AccessLogOptions } from '../../lib/access-log/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { exchangeRaw, listen, until } from '../support/servers.ts';
import { logged } from './support.ts';

async function ask(url: string, init?: RequestInit): Promise<string> {
  return (await fetch(url, init)).text();
}

test('json: the fields of a request, by the names of the record', async (t) => {
  const { url, json } = await logged(t, { format: 'json' });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await ask(`${url}/a?token=t`, {
    headers: { traceparent, authorization: 'Basic c2VjcmV0', cookie: 'sid=secret' },
  });
  const [line] = await json(1);
  const { level, method, target, status, bytesSent, outcome, client, protocol, ...rest } = line!;
  assert.deepEqual(
    { level, method, target, status, bytesSent, outcome, client, protocol },
    {
      level: 30,
      method: 'GET',
      target: '/a?token=***',
      status: 200,
      bytesSent: 5,
      outcome: 'completed',
      client: '127.0.0.1',
      protocol: '1.1',
    },
  );
  assert.match(String(rest.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.match(String(rest.id), /^[\da-f]{32}$/);
  assert.deepEqual(
    [rest.traceId, rest.parentId],
    ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'],
  );
  assert.equal(typeof rest.total, 'number');
  assert.doesNotMatch(JSON.stringify(line), /c2VjcmV0|secret/);
});

test('the line by hand and the one by pino say the same', async (t) => {
  const upstream = await listen(t, (_req, res) => void res.end('x'));
  const prepare = (app: express.Express): void => void app.use(balancedProxy(upstream.url));
  const byHand = await logged(t, { format: 'json' }, prepare);
  const byPino = await logged(t, { format: 'json', fields: { extra: () => undefined } }, prepare);
  await ask(`${byHand.url}/a`, { method: 'POST', body: 'b' });
  await ask(`${byPino.url}/a`, { method: 'POST', body: 'b' });
  const [one, two] = [(await byHand.json(1))[0]!, (await byPino.json(1))[0]!];
  assert.deepEqual(Object.keys(one).sort(), Object.keys(two).sort());
  assert.deepEqual(
    ['level', 'method', 'status', 'upstream', 'bytesReceived'].map((name) => one[name]),
    ['level', 'method', 'status', 'upstream', 'bytesReceived'].map((name) => two[name]),
  );
});

test('a pino logger of the caller’s has the last word', async (t) => {
  const entries: Record<string, unknown>[] = [];
  const logger = pino(
    { redact: ['client'] },
    { write: (line: string) => void entries.push(JSON.parse(line) as never) },
  );
  const app = express().use(
    accessLog({ format: 'json', logger }),
    (_req, res) => void res.send('a'),
  );
  const { url } = await listen(t, app);
  await ask(url);
  await until(() => entries.length === 1, 'an entry');
  assert.equal(entries[0]!.client, '[Redacted]');
  assert.equal(entries[0]!.status, 200);
  assert.equal(typeof entries[0]!.pid, 'number');
});

test('fields: a list, and a choice with fields of one’s own, masked and guarded', async (t) => {
  const list = await logged(t, { format: 'json', fields: ['method', 'status'] });
  await ask(list.url);
  assert.deepEqual(Object.keys((await list.json(1))[0]!), ['level', 'time', 'method', 'status']);
  const choice = await logged(t, {
    format: 'json',
    fields: {
      client: false,
      headers: (req) => req.headers,
      length: (_req, res) => res.getHeader('content-length'),
      broken: () => {
        throw new Error('broken');
      },
    },
  });
  await ask(choice.url, { headers: { authorization: 'Basic c2VjcmV0', 'x-a': '1' } });
  const [line] = await choice.json(1);
  assert.equal('client' in line!, false);
  assert.equal(line!.length, '5');
  const headers = line!.headers as Record<string, string>;
  assert.deepEqual([headers.authorization, headers['x-a']], ['***', '1']);
});

for (const [name, fields] of [
  ['by hand', undefined],
  ['by pino', { own: (req: Request) => `${req.get('x-a') ?? ''}\u202e` }],
] as const)
  test(`json: nothing in a line moves a terminal's cursor or turns its text (${name})`, async (t) => {
    const { port, lines } = await logged(t, { format: 'json', ...(fields && { fields }) });
    const evil = '\x9b2J\x85';
    await exchangeRaw(
      port,
      `GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a${evil}\r\nX-A: ${evil[0] ?? ''}\r\n\r\n`,
    );
    const [line] = await lines(1);
    // eslint-disable-next-line no-control-regex -- it looks for them
    assert.doesNotMatch(line!, /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
    const { userAgent, own } = JSON.parse(line!) as Record<string, unknown>;
    assert.equal(userAgent, 'a\x9b2J\x85');
    if (fields !== undefined) assert.equal(own, '\x9b\u202e');
  });

test('a format of one’s own is one line, whatever it says', async (t) => {
  const { url, lines } = await logged(t, {
    format: ({ status }, req) =>
      req.path === '/none' ? undefined : `${status} ${req.get('x-a') ?? ''}\nforged`,
  });
  await ask(`${url}/none`);
  await ask(`${url}/a`, { headers: { 'x-a': 'ok' } });
  assert.deepEqual(await lines(1), ['200 ok\\x0Aforged']);
});

test('skip is asked at the end; sample leaves out, but never failures', async (t) => {
  const skipping = await logged(t, { skip: (_req, res) => res.statusCode < 400 });
  await ask(`${skipping.url}/a`);
  await ask(`${skipping.url}/fails`);
  assert.match(
    (await skipping.lines(1)).join('\n'),
    /^[^\n]* "GET \/fails HTTP\/1\.1" 503 [^\n]*$/,
  );
  const sampling = await logged(t, { sample: 0 });
  for (const path of ['/a', '/b', '/fails', '/c']) await ask(sampling.url + path);
  assert.match((await sampling.lines(1)).join('\n'), /^[^\n]*\/fails[^\n]*$/);
});

test('a skip that throws does not cost the line', async (t) => {
  const { url, lines } = await logged(t, {
    skip: () => {
      throw new Error('broken');
    },
  });
  await fetch(`${url}/a`);
  assert.match((await lines(1))[0]!, /"GET \/a HTTP\/1\.1" 200/);
});

test('flush waits until a slow stream of the caller’s has written', async (t) => {
  const writes: (() => void)[] = [];
  let written = 0;
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      writes.push(() => {
        written++;
        done();
      });
    },
  });
  const { url, log } = await logged(t, { stream });
  await fetch(`${url}/a`);
  let flushed = false;
  await until(() => {
    if (!flushed)
      void log.flush().then(() => {
        flushed = true;
      });
    return writes.length > 0;
  }, 'a write');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([flushed, written], [false, 0]);
  writes.splice(0).forEach((write) => write());
  await log.flush();
  assert.equal(written, 1);
});

test('flush has pino’s destinations flushed', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'log-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'a.log');
  const stream = pino.destination({ dest: file, sync: false, minLength: 4096 });
  const { url, log } = await logged(t, { stream });
  await fetch(`${url}/a`);
  await until(async () => {
    await log.flush();
    return readFileSync(file, 'utf8').includes('"GET /a HTTP/1.1"');
  }, 'the line');
});

test('slow requests are flagged, and logged whatever the sample', async (t) => {
  const { url, json } = await logged(t, { format: 'json', sample: 0, slow: 20 }, (app) => {
    app.use((req, res) => {
      if (req.path === '/slow') setTimeout(() => res.send('slow'), 60);
      else res.send('fast');
    });
  });
  await ask(`${url}/slow`);
  const lines = await json(1);
  const slow = lines.find(({ target }) => target === '/slow')!;
  assert.deepEqual([slow.slow, slow.level], [true, 40]);
});

test('levels: what the proxy or a server is to blame for is an error', async (t) => {
  const { url, json } = await logged(t, { format: 'json' });
  await ask(`${url}/fails`);
  assert.equal((await json(1))[0]!.level, 50);
});

test('an id of a trusted proxy is taken over, told the client and the server', async (t) => {
  const got: (string | undefined)[] = [];
  const upstream = await listen(t, (req, res) => {
    got.push(req.headers['x-request-id'] as string);
    res.end();
  });
  const { url, json } = await logged(
    t,
    { format: 'json', requestId: { respond: true, forward: true } },
    (app) => {
      app.set('trust proxy', 'loopback');
      app.get('/own', (req, res) => void res.send(contextOf(req).id));
      app.use(balancedProxy(upstream.url));
    },
  );
  const answer = await fetch(url, { headers: { 'x-request-id': 'from-the-edge_1' } });
  assert.equal(answer.headers.get('x-request-id'), 'from-the-edge_1');
  assert.equal(await ask(`${url}/own`, { headers: { 'x-request-id': 'two' } }), 'two');
  assert.deepEqual(got, ['from-the-edge_1']);
  assert.deepEqual(
    (await json(2)).map(({ id }) => id),
    ['from-the-edge_1', 'two'],
  );
});

const untrusted: Readonly<Record<string, [trust: boolean, id: string]>> = {
  'of anybody': [false, 'chosen'],
  'with a space': [true, 'a b'],
  'with a quote': [true, 'a"b'],
  'that is too long': [true, 'a'.repeat(129)],
};

for (const [name, [trust, id]] of Object.entries(untrusted))
  test(`an id ${name} is not taken over`, async (t) => {
    const { url, json } = await logged(t, { format: 'json' }, (app) => {
      app.set('trust proxy', trust);
      app.use(() => {
        throw new Error('for the error page');
      }, errorPages());
    });
    const answer = await fetch(url, { headers: { 'x-request-id': id } });
    const [line] = await json(1);
    assert.match(String(line!.id), /^[\da-f]{32}$/);
    assert.equal(answer.headers.get('x-request-id'), line!.id, 'the page has the same');
  });

test('a file is appended to, and opened anew after a rotation', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'new', 'access.log');
  const log = accessLog({ file });
  const app = express().use(log, (_req, res) => void res.send('a'));
  const { url } = await listen(t, app);
  const read = (name: string): string => {
    try {
      return readFileSync(name, 'utf8');
    } catch {
      return '';
    }
  };
  await ask(`${url}/1`);
  await until(() => read(file).includes('/1'), 'the first line, without being asked for');
  renameSync(file, `${file}.1`);
  log.reopen();
  await ask(`${url}/2`);
  await until(() => read(file).includes('/2'), 'the second line in a new file');
  assert.match(read(`${file}.1`), /^\S+ - - \[.*\] "GET \/1 HTTP\/1\.1" 200 1 "-" "[^"]*"\n$/);
  await ask(`${url}/3`);
  await until(() => read(file).includes('/3'), 'the third line');
  await log.close();
  await ask(`${url}/4`);
  await log.close();
  assert.doesNotMatch(read(file), /\/4 HTTP/);
});

test('reopen does nothing where there is no file, or none any more', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const toFile = accessLog({ file: join(directory, 'access.log') });
  const toStandardOutput = accessLog({});
  t.after(() => toStandardOutput.close());
  toStandardOutput.reopen();
  const closing = toFile.close();
  toFile.reopen();
  await closing;
  toFile.reopen();
});

test('a stream that does not take anything holds nobody up; what is too much is counted', async (t) => {
  const stuck: (() => void)[] = [];
  let written = '';
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString();
      stuck.push(done);
    },
  });
  const log = accessLog({ stream, buffer: 1000 });
  t.after(() => log.close());
  const app = express().use(log, (_req, res) => void res.send('a'));
  const { url } = await listen(t, app);
  await ask(`${url}/first`);
  await until(() => stuck.length === 1, 'the stream has the first line');
  for (let request = 0; request < 30; request++) await ask(`${url}/${request}`);
  await until(() => log.dropped > 0, 'lines are dropped');
  const release = setInterval(() => stuck.shift()?.(), 5);
  t.after(() => clearInterval(release));
  const lines = (): string[] => written.trimEnd().split('\n');
  await until(async () => {
    await log.flush();
    return lines().length + log.dropped >= 31;
  }, 'each is written or counted');
  assert.equal(lines().length + log.dropped, 31);
  for (const line of lines()) assert.match(line, /^\S+ - - \[.* "[^"]*"$/, 'no line is cut');
});

const broken: Readonly<Record<string, () => AccessLogOptions['stream']>> = {
  'fails at each write': () =>
    new Writable({
      write: (_chunk, _encoding, done) => {
        done(new Error('disk full'));
      },
    }),
  'is destroyed': () => new Writable().destroy(),
  'has ended': () =>
    new Writable({
      write: (_chunk, _encoding, done) => {
        done();
      },
    }).end(),
  throws: () => ({
    write: () => {
      throw new Error('broken');
    },
  }),
};

for (const [name, make] of Object.entries(broken))
  test(`a stream that ${name} harms no request`, async (t) => {
    const log = accessLog({ stream: make()! });
    const app = express().use(log, (_req, res) => void res.send('a'));
    const { url } = await listen(t, app);
    for (let request = 0; request < 3; request++) assert.equal(await ask(url), 'a');
    await log.flush();
    assert.equal(await ask(url), 'a');
    await until(() => log.dropped > 0, 'what is lost is counted');
    await log.close();
  });

test('an object that takes lines gets them one by one', async (t) => {
  const lines: string[] = [];
  const { url } = await logged(t, { stream: { write: (line) => lines.push(line) } });
  await ask(`${url}/1`);
  await ask(`${url}/2`);
  await until(() => lines.length === 2, 'two lines');
  assert.match(lines[1]!, /"GET \/2 HTTP\/1\.1".*\n$/);
});

const wrong: Readonly<Record<string, [options: unknown, message: RegExp]>> = {
  'a format': ['combine', /format: 'combine' is not allowed; use .*'combined'/],
  'an option': [{ formats: 'json' }, /unknown option 'formats'; did you mean 'format'/],
  'a stream': [{ stream: {} }, /stream: an object is no stream/],
  'a field': [{ format: 'json', fields: ['methd'] }, /'methd'.*did you mean 'method'/],
  'a name that is taken': [
    { format: 'json', fields: { level: () => 1 } },
    /'level' is what each line has by itself; choose another name/,
  ],
  'a chosen field': [{ format: 'json', fields: { nope: true } }, /'nope' is no field/],
  'a sample': [{ sample: 2 }, /sample: 2 is not allowed/],
  'a duration': [{ slow: '5' }, /slow: '5' is no duration/],
  'fields of a text format': [{ fields: ['method'] }, /fields belongs to format 'json'/],
  'two places': [{ stream: process.stderr, file: '/tmp/a' }, /stream and file are given/],
  'a file that cannot be': [{ file: '/dev/null/a' }, /file: '\/dev\/null\/a' cannot be opened/],
};

for (const [name, [options, message]] of Object.entries(wrong))
  test(`refuses ${name} at construction`, () => {
    assert.throws(
      () => accessLog(options as AccessLogOptions),
      (error) => error instanceof OptionsError && message.test(error.message),
    );
  });
