import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { promisify } from 'node:util';
import type { AuditReport, Explanation } from 'sekisho';
import { WebSocket } from 'ws';
import { runExample } from '../support/example.ts';
import { eicar } from '../support/clamd.ts';
import { CookieJar } from '../support/oidc-provider.ts';
import { noRedis } from '../support/redis.ts';
import { until } from '../support/servers.ts';

const run = promisify(execFile);

/** What a reader would try of each example. */
const examples: Readonly<Record<string, (url: string, output: string) => Promise<void>>> = {
  async 'anonymizer.ts'(url, output) {
    const [, site = ''] = / (http:\S+)\n/.exec(output) ?? [];
    const told = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = {
        host: new URL(site).host,
        referer: 'https://www.example.com/secret',
        via: '1.1 gate7',
        'x-corp-user': 'alice',
      };
      get({ port: new URL(url).port, path: site, headers }, resolve).on('error', reject);
    });
    const fields = JSON.parse(await text(told)) as Record<string, string>;
    assert.deepEqual(Object.keys(fields).sort(), ['connection', 'host', 'referer']);
    assert.equal(fields.referer, 'https://www.example.com/');
  },
  async 'access-log.ts'(url) {
    const id = (await fetch(`${url}/shop/1?token=secret`)).headers.get('x-request-id');
    assert.match(id!, /^[\da-f]{32}$/);
    assert.equal((await fetch(`${url}/closed`)).status >= 502, true);
    assert.equal(await body(`${url}/health`), 'fine\n');
  },
  async 'apicache.ts'(url) {
    const posts = [await body(`${url}/api/posts/7`), await body(`${url}/api/posts/7`)];
    assert.deepEqual(posts, ['{"id":"7","asked":1}', '{"id":"7","asked":1}']);
    const index = await body(`${url}/api/index`);
    assert.equal(index, '{"all":["/api/posts/7"],"groups":{"posts":["/api/posts/7"]}}');
    assert.equal(await body(`${url}/api/clear/posts`), '{"all":[],"groups":{}}');
    assert.equal(await body(`${url}/api/posts/7`), '{"id":"7","asked":2}');
  },
  async 'attach.ts'(url) {
    assert.equal(await echoed(`${url}/echo`), 'hello');
  },
  async 'audit.ts'(url) {
    const { findings, chain } = JSON.parse(await body(`${url}/audit`)) as AuditReport;
    assert.deepEqual(findings, []);
    assert.deepEqual(
      chain.map(({ role }) => role),
      ['route', 'route', 'gate', 'cache', 'forwarder', 'error-handler'],
    );
    const { urls } = JSON.parse(await body(`${url}/explain/image/a.png?x`)) as Explanation;
    assert.deepEqual(urls, ['http://127.0.0.1:8081/a.png?x', 'http://127.0.0.1:8082/a.png?x']);
  },
  async 'auth-basic.ts'(url) {
    const ask = async (user?: string, method = 'GET'): Promise<globalThis.Response> => {
      const authorization = user && {
        authorization: `Basic ${Buffer.from(user).toString('base64')}`,
      };
      return fetch(`${url}/admin/users`, { method, headers: { ...authorization } });
    };
    const asked = await ask();
    assert.equal(asked.status, 401);
    assert.match(asked.headers.get('www-authenticate')!, /^Basic realm="Administration"/);
    assert.equal(await (await ask('alice:wonderland')).text(), 'the console answers GET /users\n');
    assert.equal((await ask('alice:wonderland', 'DELETE')).status, 200);
    assert.equal((await ask('bob:builder')).status, 200);
    assert.equal((await ask('bob:builder', 'DELETE')).status, 403);
    for (let guess = 1; guess <= 5; guess++)
      assert.equal((await ask(`bob:guess${guess}`)).status, 401);
    const locked = await ask('bob:builder');
    assert.equal(locked.status, 429);
    assert.ok(Number(locked.headers.get('retry-after')) > 0);
    assert.equal(await body(`${url}/`), 'the shop answers GET /\n');
  },
  async 'balanced-proxy.ts'(url) {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => body(`${url}/image/cat.png`)),
    );
    assert.deepEqual(answers.map((answer) => answer.split(' ', 1)[0]).sort(), [
      ...['one', 'one'],
      ...['two', 'two', 'two', 'two'],
    ]);
    assert.match(answers[0]!, /GET \/cat\.png/);
    const servers = (await (await fetch(`${url}/servers`)).json()) as { backup: boolean }[];
    assert.deepEqual(
      servers.map(({ backup }) => backup),
      [false, false, true],
    );
  },
  async 'cache.ts'(url) {
    const first = await body(`${url}/basket`);
    assert.equal(await body(`${url}/basket`), first);
    assert.match(await body(`${url}/stored`), /"url":"http:.*\/basket"/);
  },
  async 'dashboard.ts'(url) {
    assert.equal((await fetch(`${url}/dashboard/`)).status, 401);
    const authorization = `Basic ${Buffer.from('operator:wonderland').toString('base64')}`;
    const page = await fetch(`${url}/dashboard`, { headers: { authorization } });
    assert.match(await page.text(), /<h2 id="pools-title" data-text="pools">Pools</);
    const stream = await fetch(`${url}/dashboard/events`, { headers: { authorization } });
    let told = '';
    for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
      told += chunk;
      if (/"name":"images".*"findings":\[\]|"findings":\[\].*"name":"images"/.test(told)) break;
    }
    assert.equal(await body(`${url}/blog/hello`), 'the blog answers GET /hello\n');
  },
  async 'egress-guard.ts'(_url, output) {
    const commands = [...output.matchAll(/^(?:head .*)?curl .*$/gm)].map(([command]) =>
      run('sh', ['-c', command.replace('curl ', "curl -sS --max-time 20 --noproxy '' ")]),
    );
    const [plain, project, card, paste, large] = await Promise.all(commands);
    assert.match(plain?.stdout ?? '', /^HTTP\/1\.1 200 [^]*the web took 10 bytes\n$/);
    for (const blocked of [project, card, paste, large])
      assert.match(blocked?.stdout ?? '', /HTTP\/1\.1 403 [^]*blocked by policy/);
  },
  async 'error-pages.ts'(url) {
    const problem = await fetch(`${url}/shop`);
    // 502 when nothing listens there, 503 once that is known.
    assert.match(String(problem.status), /^50[23]$/);
    assert.equal(problem.headers.get('content-type'), 'application/problem+json');
    const page = await fetch(`${url}/shop`, { headers: { accept: 'text/html' } });
    assert.match(await page.text(), /Back soon.*Quote [\da-f]{32}\./);
  },
  async 'existing-hpm.ts'(url) {
    const answers = [await body(`${url}/image/cat.png`), await body(`${url}/image/cat.png`)];
    assert.deepEqual(answers.sort(), ['one answers GET /cat.png\n', 'two answers GET /cat.png\n']);
  },
  async 'forward-auth.ts'(url) {
    const html = { accept: 'text/html' };
    const sent = await fetch(`${url}/reports`, { headers: html, redirect: 'manual' });
    assert.equal(sent.status, 302);
    assert.match(sent.headers.get('location')!, /^\/login\?rd=%2Freports$/);
    assert.equal((await fetch(`${url}/reports`)).status, 401);
    assert.match(await body(`${url}/login`), /<form/);
    const login = async (password: string): Promise<globalThis.Response> =>
      fetch(`${url}/login?rd=%2Freports`, {
        method: 'POST',
        body: new URLSearchParams({ user: 'alice', password }),
        redirect: 'manual',
      });
    assert.equal((await login('wrong')).status, 401);
    const welcome = await login('wonderland');
    assert.equal(welcome.status, 303);
    assert.equal(welcome.headers.get('location'), '/reports');
    const [cookie = ''] = welcome.headers.getSetCookie()[0]!.split(';', 1);
    const page = await fetch(`${url}/reports`, { headers: { cookie, 'remote-user': 'root' } });
    assert.equal(await page.text(), 'GET /reports for alice\n');
    assert.equal(await echoed(`${url}/echo`, { cookie }), 'hello');
    await assert.rejects(echoed(`${url}/echo`), /Unexpected server response: 401/);
  },
  async 'forward-proxy.ts'(url, output) {
    const commands = [...output.matchAll(/^curl (.*?)(?:\s+\(.*\))?$/gm)].map(([, args = '']) =>
      run('curl', ['-sS', '--max-time', '20', '--noproxy', '', ...args.trim().split(/\s+/)]),
    );
    const [stranger, page, ads, tunnel, metadata, script] = await Promise.all(commands);
    assert.match(stranger?.stdout ?? '', /^HTTP\/1\.1 407 /);
    assert.match(page?.stdout ?? '', /Cache-Status: sekisho; [^]*the web answers GET \/\n$/);
    assert.match(ads?.stdout ?? '', /^HTTP\/1\.1 403 [^]*blocked by policy/);
    assert.match(tunnel?.stdout ?? '', /^HTTP\/1\.1 200 Connection Established[^]*GET \/tunnel\n$/);
    assert.match(metadata?.stdout ?? '', /^HTTP\/1\.1 403 /);
    assert.match(script?.stdout ?? '', /^function FindProxyForURL[^]*PROXY localhost:3128/);
    assert.equal((await fetch(`${url}/`)).status, 401);
  },
  async 'https-redirect.ts'(url) {
    const answer = await fetch(`${url}/basket?id=1`, { redirect: 'manual' });
    assert.equal(answer.status, 308);
    assert.match(answer.headers.get('location')!, /^https:\/\/localhost:\d+\/basket\?id=1$/);
  },
  async 'metrics.ts'(url) {
    for (let request = 0; request < 5; request++) await body(`${url}/shop/1`);
    assert.equal((await fetch(`${url}/orders`, { method: 'POST' })).status, 201);
    await until(async () => {
      const text = await body(`${url}/metrics`);
      return (
        /^sekisho_requests_total\{route="\/shop".*\} [1-5]$/m.test(text) &&
        text.includes('shop_orders_total{site="example"} 1')
      );
    }, 'both metrics');
  },
  async 'prefix-router.ts'(url) {
    assert.equal(await body(`${url}/`), 'the app itself\n');
    assert.equal(await body(`${url}/blog/hello`), 'the blog answers GET /hello\n');
    assert.equal(await body(`${url}/blog/archive/1999`), 'the archive answers GET /1999\n');
    // fetch() does not let its caller set Host.
    const [shop] = (await once(
      get(`${url}/basket`, { headers: { host: 'shop.example.com' } }),
      'response',
    )) as [IncomingMessage];
    assert.equal(await text(shop), 'the shop answers GET /basket\n');
  },
  async 'safe-downloads.ts'(url) {
    assert.equal(await body(`${url}/report.txt`), 'Nothing to declare.\n');
    for (const path of ['/virus.com', '/packed.com']) {
      const refused = await fetch(url + path);
      assert.equal(refused.status, 403);
      assert.match(await refused.text(), /the virus scanner found Demo\.Eicar/);
    }
    const upload = async (content: string): Promise<string> =>
      (await fetch(`${url}/upload`, { method: 'POST', body: content })).text();
    assert.equal(await upload('clean'), 'took 5 bytes\n');
    assert.match(await upload(eicar), /ERR_SEKISHO_INFECTED/);
  },
  async 'security-headers.ts'(url) {
    const { headers } = await fetch(url);
    assert.equal(headers.get('x-frame-options'), 'DENY');
    assert.equal(headers.get('server'), null);
    assert.equal(headers.get('x-backend'), null);
  },
  async 'sso.ts'(url) {
    const jar = new CookieJar();
    const program = { headers: { accept: '*/*' } };
    assert.equal((await jar.ask(`${url}/wiki/`, program)).status, 401);
    assert.equal((await jar.visit(`${url}/wiki/start`)).text, 'the wiki answers GET /start\n');
    assert.equal((await jar.ask(`${url}/shop/`, program)).text, 'the shop answers GET /\n');
    assert.match((await jar.ask(`${url}/`)).text, /Hello mia@example\.com/);
    const link = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' };
    await jar.ask(`${url}/oauth2/logout`, { headers: link });
    assert.equal((await jar.ask(`${url}/shop/`, program)).status, 401);
  },
  async 'tls.ts'(url) {
    const asked = await fetch(`${url}/basket?id=1`, { redirect: 'manual' });
    assert.equal(asked.status, 308);
    const location = asked.headers.get('location')!;
    assert.match(location, /^https:\/\/localhost:\d+\/basket\?id=1$/);
    for (const [args, version] of [
      [['--http2'], '2'],
      [['--http1.1'], '1.1'],
    ] as const) {
      const write = ['-w', '%{http_version}', ...args];
      const { stdout } = await run('curl', ['-sk', ...write, location]);
      assert.equal(stdout, `the shop answers GET /basket?id=1\n${version}`);
    }
  },
  async 'url-filter.ts'(url) {
    assert.equal(await body(`${url}/basket//7`), 'the shop answers GET /basket/7\n');
    for (const path of ['/%61dmin/users', '/x/index.php', '/.git/config'])
      assert.equal((await fetch(url + path)).status, 403, path);
    assert.equal((await fetch(`${url}/a%2F..%2Fadmin`)).status, 400);
    assert.equal((await fetch(`${url}/basket`, { method: 'DELETE' })).status, 403);
    const headers = { accept: 'text/html', host: 'www.games.example' };
    const [page] = (await once(get(url, { headers }), 'response')) as [IncomingMessage];
    assert.equal(page.statusCode, 403);
    assert.match(await text(page), /mailto:helpdesk@company\.example.*<dd>games<\/dd>/s);
  },
  async 'websocket.ts'(url) {
    assert.equal(await echoed(`${url}/echo?ticket=valid`), 'hello');
    await assert.rejects(echoed(`${url}/echo`), /Unexpected server response: 401/);
  },
};

test('every example is tried here', () => {
  const files = readdirSync('examples').filter((file) => file.endsWith('.ts'));
  assert.deepEqual(
    files.sort(),
    [...Object.keys(examples), 'gateway.ts', 'shared-cache.ts'].sort(),
  );
});

for (const [file, attempt] of Object.entries(examples))
  test(`examples/${file} does what it says and ends at Ctrl-C`, async (t) => {
    const example = await runExample(t, `examples/${file}`);
    await attempt(example.url, example.output());
    assert.equal(await example.end('SIGINT'), 0, example.output());
  });

test('examples/shared-cache.ts: two gateways have one cache', { skip: noRedis }, async (t) => {
  const example = await runExample(t, 'examples/shared-cache.ts');
  const urls = (): string[] => [...example.output().matchAll(/http:\S+\/page/g)].map(String);
  await until(() => urls().length === 2, 'both listen');
  const [one = '', two = ''] = urls();
  const first = await body(one);
  // The answer goes out before it is in Redis: who asks in between would fetch his own.
  const headers = { 'Cache-Control': 'only-if-cached' };
  await until(
    async () => (await (await fetch(two, { headers })).text()) === first,
    'the other has it',
  );
  assert.equal((await fetch(one, { method: 'PURGE' })).status, 200);
  assert.notEqual(await body(two), first);
  assert.equal(await example.end('SIGINT'), 0, example.output());
});

test('examples/gateway.ts reaches all of its servers', async (t) => {
  const { url, output } = await runExample(t, 'examples/gateway.ts');
  assert.match(await body(`${url}/`), /<h1>sekisho<\/h1>/);
  assert.match(await body(`${url}/home.js`), /new WebSocket/);
  assert.match(await body(`${url}/blog/`), /Notes from the road/);
  assert.match(await body(`${url}/blog/hakone`), /A day at Hakone/);
  const again = await fetch(`${url}/blog/hakone`);
  assert.match(await again.text(), /A day at Hakone/);
  assert.match(again.headers.get('cache-status') ?? '', /^sekisho; hit; ttl=\d$/);
  assert.match(await body(`${url}/image/a.svg`), /<svg.*image[123]</s);
  assert.equal(await echoed(`${url}/echo`), 'hello');
  const posted = await fetch(`${url}/echo`, { method: 'POST', body: 'to and fro' });
  assert.equal(await posted.text(), 'to and fro');
  const nowhere = await fetch(`${url}/nowhere`);
  assert.equal(nowhere.status, 404);
  assert.equal(nowhere.headers.get('content-type'), 'application/problem+json');
  assert.ok(nowhere.headers.has('content-security-policy'));
  assert.match(output(), /curl -i http:\/\/localhost:\d+\/blog\/hakone/);
});

test('examples/gateway.ts does without an image server that was killed', async (t) => {
  const { url, output } = await runExample(t, 'examples/gateway.ts');
  const drawers = async (): Promise<Set<string | undefined>> => {
    const pictures = Array.from({ length: 24 }, () => body(`${url}/image/a.svg`));
    return new Set((await Promise.all(pictures)).map((svg) => /image\d/.exec(svg)?.[0]));
  };
  await until(async () => (await drawers()).size === 3, 'all three draw');
  process.kill(pidsOf(output()).get('image1')!, 'SIGKILL');
  await until(() => output().includes('image1 is gone'), 'its end is noticed');
  assert.deepEqual([...(await drawers())].sort(), ['image2', 'image3']);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`examples/gateway.ts leaves nothing behind at ${signal}`, async (t) => {
    const example = await runExample(t, 'examples/gateway.ts');
    const pids = pidsOf(example.output());
    assert.deepEqual([...pids.keys()], ['blog', 'echo', 'image1', 'image2', 'image3']);
    // Both an idle connection and a WebSocket are open when it has to end.
    await until(async () => (await fetch(`${example.url}/image/a.svg`)).ok, 'a picture');
    const socket = new WebSocket(`${example.url.replace('http', 'ws')}/echo`);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    assert.equal(await example.end(signal), 0, example.output());
    assert.equal((await closed)[0], 1001);
    for (const [name, pid] of pids)
      await until(() => !isAlive(pid), `the end of ${name}, process ${pid}`);
  });

test('examples/gateway.ts says so when its port is taken, and leaves nothing behind', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  await assert.rejects(
    runExample(t, 'examples/gateway.ts', { PORT: String(port) }),
    new RegExp(`ended with 1: .*port ${port}: another process listens.*PORT=3001 npm start`, 's'),
  );
});

async function body(url: string): Promise<string> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return answer.text();
}

/** Sends `hello` through a WebSocket and tells what comes back. */
async function echoed(url: string, headers: Record<string, string> = {}): Promise<string> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  try {
    await once(socket, 'open');
    socket.send('hello');
    const [data] = (await once(socket, 'message')) as [Buffer];
    return String(data);
  } finally {
    socket.terminate();
  }
}

function pidsOf(output: string): Map<string, number> {
  const line = /Processes: (.*)/.exec(output)?.[1] ?? '';
  return new Map(
    [...line.matchAll(/(\w+) (\d+)/g)].map(([, name = '', pid]) => [name, Number(pid)]),
  );
}

/** A process that ended and that nobody has asked about yet is not alive: in a container perhaps nobody ever asks. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = `/proc/${pid}/stat`;
    return !existsSync(stat) || !/\) [ZX] /.test(readFileSync(stat, 'latin1'));
  } catch {
    return false;
  }
}
