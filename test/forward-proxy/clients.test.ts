import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { fetch, ProxyAgent } from 'undici';
import { authGate } from '../../lib/auth-gate/index.ts';
import { listen } from '../support/servers.ts';
import { localAuthority } from '../support/tls.ts';
import { createAuthority } from '../support/certificates.ts';
import { answerWithQuestion, startProxy, startSite, type Question, type Scene } from './support.ts';

const run = promisify(execFile);

interface Web {
  readonly http: number;
  readonly https: number;
  /** File with the certificate authority of the https site. */
  readonly ca: string;
  readonly caText: string;
  readonly scene: Scene;
}

/** `site.test` by http and by https, behind a proxy with users. */
async function web(t: TestContext): Promise<Web> {
  const http = await startSite(t);
  const authority = await createAuthority();
  const https = await listen(
    t,
    createHttpsServer(await authority.issue('site.test'), answerWithQuestion),
  );
  const ca = join(mkdtempSync(join(tmpdir(), 'sekisho-ca-')), 'ca.pem');
  writeFileSync(ca, authority.cert);
  const gate = authGate({ basic: { users: { alice: 'wonder land' } } });
  t.after(() => gate.close());
  const scene = await startProxy(
    t,
    { ports: [http.port], connectPorts: [https.port, http.port] },
    { before: [gate] },
  );
  return { http: http.port, https: https.port, ca, caText: authority.cert, scene };
}

async function curl(...args: string[]): Promise<string> {
  const { stdout } = await run('curl', ['-sS', '--max-time', '20', '--noproxy', '', ...args], {
    maxBuffer: 2 ** 25,
  });
  return stdout;
}

const login = ['--proxy-user', 'alice:wonder land'];

test('curl -x, with --proxy-user and --proxy-anyauth', async (t) => {
  const { http, scene } = await web(t);
  const url = `http://site.test:${http}/a?b`;
  for (const args of [
    login,
    [...login, '--proxy-anyauth'],
    [...login, '--proxy-basic', '--http1.0'],
  ]) {
    const { url: asked, headers } = JSON.parse(
      await curl('-x', scene.url, ...args, url),
    ) as Question;
    assert.equal(asked, '/a?b');
    assert.doesNotMatch(JSON.stringify(headers), /proxy-/);
  }
  const status = ['-o', '/dev/null', '-w', '%{http_code}'];
  assert.equal(await curl('-x', scene.url, ...status, url), '407');
  assert.equal(await curl('-x', scene.url, ...login, ...status, 'http://site.test:1/'), '403');
});

test('curl: https through a CONNECT, the login on one connection', async (t) => {
  const { https, ca, scene } = await web(t);
  const url = `https://site.test:${https}/secret`;
  const args = ['-x', scene.url, ...login, '--proxy-anyauth', '--cacert', ca];
  const { url: asked } = JSON.parse(await curl(...args, url)) as Question;
  assert.equal(asked, '/secret');
  const { stderr } = await run('curl', ['-sSv', '--noproxy', '', ...args, url]);
  assert.match(stderr, /407[^]*200 Connection Established/);
  assert.equal(stderr.split('Connected to').length, 2);
  const codes = await curl(
    '-x',
    scene.url,
    '--cacert',
    ca,
    '-o',
    '/dev/null',
    '-w',
    '%{http_connect}',
    url,
  ).catch((error: unknown) => (error as { stdout: string }).stdout);
  assert.equal(codes, '407');
  assert.equal(scene.records.filter(({ sni }) => sni === 'site.test').length, 2);
});

test('curl: uploads, chunked and with a length, with Expect and without, and keep-alive', async (t) => {
  const { http, https, ca, scene } = await web(t);
  const file = join(mkdtempSync(join(tmpdir(), 'sekisho-upload-')), 'file');
  writeFileSync(file, Buffer.alloc(3_000_000, 'x'));
  for (const url of [`http://site.test:${http}/up`, `https://site.test:${https}/up`])
    for (const more of [
      [],
      ['-H', 'Transfer-Encoding: chunked'],
      ['-H', 'Expect: 100-continue'],
      ['-H', 'Expect:'],
    ]) {
      const answer = await curl(
        '-x',
        scene.url,
        ...login,
        '--cacert',
        ca,
        '-T',
        file,
        ...more,
        url,
      );
      const { method, bytes } = JSON.parse(answer) as Question;
      assert.deepEqual([method, bytes], ['PUT', 3_000_000], `${url} ${more.join(' ')}`);
    }
  const url = `http://site.test:${http}/`;
  const written = await curl(
    '-x',
    scene.url,
    ...login,
    '-w',
    '\n%{num_connects}\n',
    '-o',
    '/dev/null',
    url,
    '-o',
    '/dev/null',
    url,
    '-o',
    '/dev/null',
    url,
  );
  assert.deepEqual(written.trim().split(/\s+/), ['1', '0', '0']);
});

test('curl: an upload without credentials is refused without its body, and the connection lives', async (t) => {
  const { http, scene } = await web(t);
  const url = `http://site.test:${http}/up`;
  const data = ['-d', 'x'.repeat(100_000)];
  const args = ['-x', scene.url, '--proxy-anyauth', ...login, ...data];
  const { bytes } = JSON.parse(await curl(...args, url)) as Question;
  assert.equal(bytes, 100_000);
});

test("undici's ProxyAgent: http and https, many at a time", async (t) => {
  const { http, https, caText, scene } = await web(t);
  const token = `Basic ${Buffer.from('alice:wonder land').toString('base64')}`;
  const requestTls = { ca: caText };
  const urls = [`https://site.test:${https}/`, `http://site.test:${http}/`];
  // Left to itself it opens tunnels for http, too.
  for (const proxyTunnel of [true, false]) {
    const agent = new ProxyAgent({ uri: scene.url, token, requestTls, proxyTunnel });
    t.after(() => agent.close());
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const answer = await fetch(urls[index % 2]! + String(index), { dispatcher: agent });
        return ((await answer.json()) as Question).url;
      }),
    );
    assert.deepEqual(
      answers,
      Array.from({ length: 40 }, (_, index) => `/${index}`),
    );
  }
  const anonymous = new ProxyAgent({ uri: scene.url, requestTls });
  t.after(() => anonymous.close());
  await assert.rejects(fetch(urls[0]!, { dispatcher: anonymous }));
});

test('a proxy that speaks TLS itself', async (t) => {
  const { ca, local } = await localAuthority();
  const file = join(mkdtempSync(join(tmpdir(), 'sekisho-ca-')), 'ca.pem');
  writeFileSync(file, ca.cert);
  const site = await startSite(t);
  const https = await listen(t, createHttpsServer(local, answerWithQuestion));
  const gate = authGate({ basic: { users: { alice: 'wonder land' } } });
  t.after(() => gate.close());
  const scene = await startProxy(
    t,
    {
      ports: [site.port],
      connectPorts: [https.port],
      allowPrivate: ['test', 'localhost'],
      lookup: () => Promise.resolve(['127.0.0.1']),
    },
    { before: [gate], tls: local },
  );
  const args = [
    '-x',
    scene.url.replace('127.0.0.1', 'localhost'),
    '--proxy-cacert',
    file,
    '--cacert',
    file,
    '--proxy-anyauth',
    ...login,
  ];
  const first = JSON.parse(await curl(...args, `http://site.test:${site.port}/a`)) as Question;
  const second = JSON.parse(await curl(...args, `https://localhost:${https.port}/b`)) as Question;
  assert.deepEqual([first.url, second.url], ['/a', '/b']);
});
