import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type TestContext } from 'node:test';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { Counter, Registry } from 'prom-client';
import { WebSocket, WebSocketServer } from 'ws';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { OptionsError, ProxyError } from '../../lib/core/errors.ts';
import { publish } from '../../lib/core/events.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { upstream } from '../../lib/core/upstream/upstream.ts';
import { metrics, type Metrics, type MetricsOptions } from '../../lib/metrics/index.ts';
import { listen, until } from '../support/servers.ts';

interface Metered {
  readonly app: Express;
  readonly meter: Metrics;
  readonly server: Server;
  readonly url: string;
  readonly scrape: (headers?: Record<string, string>) => Promise<string>;
  /** Waits until the text has this line. */
  readonly sees: (line: string) => Promise<void>;
}

async function metered(
  t: TestContext,
  options: MetricsOptions = {},
  prepare: (app: Express) => void = () => undefined,
): Promise<Metered> {
  const meter = metrics({ process: false, ...options });
  t.after(() => meter.close());
  const app = express().use(meter);
  prepare(app);
  app.get('/a/:id', (_req, res) => void res.send('hello'));
  const { url, server } = await listen(t, app);
  const scrape = async (headers = {}): Promise<string> =>
    (await fetch(`${url}/metrics`, { headers })).text();
  const sees = (line: string): Promise<void> =>
    until(async () => (await scrape()).split('\n').includes(line), line);
  return { app, meter, server, url, scrape, sees };
}

async function ask(url: string, init?: RequestInit): Promise<string> {
  return (await fetch(url, init)).text();
}

test('counts requests by route, method and status, and times them', async (t) => {
  const { url, sees } = await metered(t);
  for (const id of [1, 2, 3]) await ask(`${url}/a/${id}`);
  await ask(`${url}/nowhere`);
  await sees('sekisho_requests_total{route="/a/:id",method="GET",status="200"} 3');
  await sees('sekisho_requests_total{route="-",method="GET",status="404"} 1');
  await sees('sekisho_request_duration_seconds_count{route="/a/:id",method="GET"} 3');
  await sees('sekisho_request_duration_seconds_bucket{le="+Inf",route="/a/:id",method="GET"} 3');
  await sees('sekisho_response_bytes_total{route="/a/:id",method="GET"} 15');
  await sees('sekisho_requests_active 0');
});

test('labels are bounded: methods, statuses, and routes beyond the limit', async (t) => {
  const { url, sees } = await metered(t, { maxLabelValues: 2 }, (app) => {
    for (const path of ['/1', '/2', '/3', '/4'])
      app.all(path, (_req, res) => void res.status(path === '/1' ? 799 : 200).end());
  });
  for (const path of ['/1', '/2', '/3', '/4']) await ask(url + path);
  await ask(`${url}/2`, { method: 'PROPFIND' });
  await sees('sekisho_requests_total{route="other",method="GET",status="200"} 2');
  await sees('sekisho_requests_total{route="/1",method="GET",status="other"} 1');
  await sees('sekisho_requests_total{route="/2",method="other",status="200"} 1');
});

test('series of servers are bounded, whatever targets requests make up', async (t) => {
  const prefix = 'bounded_';
  const { meter, url } = await metered(t, { maxLabelValues: 3, prefix }, (app) => {
    app.get(
      '/to/:n',
      balancedProxy((req) => `http://127.0.0.1:${Number(req.url.split('/').at(-1))}`),
      ((error, _req, res, next) => {
        if (res.headersSent) next(error);
        else res.sendStatus(502);
      }) satisfies ErrorRequestHandler,
    );
  });
  for (let port = 1; port <= 12; port++) await ask(`${url}/to/${port}`);
  const text = (await meter.registry.metrics()).split('\n');
  for (const name of ['up', 'ejected', 'inflight', 'connections']) {
    const servers = text
      .filter((line) => line.startsWith(`${prefix}upstream_${name}{`))
      .map((line) => /server="([^"]*)"/.exec(line)?.[1]);
    assert.ok(new Set(servers).size <= 4, name);
    assert.ok(servers.includes('other'), name);
  }
});

test('another prefix has metrics of its own in the same registry', async (t) => {
  const registry = new Registry();
  const two = metrics({ registry, prefix: 'two_' });
  t.after(() => two.close());
  const { url, sees } = await metered(t, { registry }, (app) => app.use(two));
  await ask(`${url}/a/1`);
  await sees('sekisho_requests_total{route="/a/:id",method="GET",status="200"} 1');
  await sees('two_requests_total{route="/a/:id",method="GET",status="200"} 1');
});

test('after close() the same registry may be used again, and counts from nothing', async (t) => {
  const registry = new Registry();
  metrics({ registry }).close();
  const { url, sees } = await metered(t, { registry });
  await ask(`${url}/a/1`);
  await sees('sekisho_requests_total{route="/a/:id",method="GET",status="200"} 1');
});

test('what cannot be in one registry is refused, and nothing of it stays there', (t) => {
  const registry = new Registry();
  new Counter({ name: 'sekisho_tunnels_total', help: 'mine', registers: [registry] });
  assert.throws(
    () => metrics({ registry }),
    (error) =>
      error instanceof OptionsError &&
      /'sekisho_tunnels_total'.*another prefix/.test(error.message),
  );
  assert.equal(registry.getMetricsAsArray().length, 1);
  const first = metrics({ registry, prefix: 'own_' });
  t.after(() => first.close());
  metrics({ registry, prefix: 'own_' }).close();
  for (const other of [{ buckets: [1] }, { maxLabelValues: 7 }])
    assert.throws(() => metrics({ registry, prefix: 'own_', ...other }), OptionsError);
  for (const name of ['route', 'le', 'server', 'not a name'])
    assert.throws(() => metrics({ labels: { [name]: 'x' } }), OptionsError);
});

test('servers: requests, connections, load, state, retries and ejections', async (t) => {
  const good = await listen(t, (_req, res) => void res.end('x'));
  const pool = upstream('shop', good.url);
  t.after(() => {
    pool.destroy();
  });
  const { url, sees, scrape } = await metered(t, {}, (app) =>
    app.use('/shop', balancedProxy(pool)),
  );
  const server = new URL(good.url).host;
  const labels = `upstream="shop",server="${server}"`;
  for (let request = 0; request < 2; request++) await ask(`${url}/shop`);
  await sees(`sekisho_upstream_requests_total{${labels},status="200"} 2`);
  await sees(`sekisho_upstream_first_byte_seconds_count{${labels}} 2`);
  await sees(`sekisho_upstream_connect_seconds_count{${labels}} 1`);
  await sees(`sekisho_upstream_up{${labels}} 1`);
  await sees(`sekisho_upstream_connections{${labels}} 1`);
  await sees(`sekisho_upstream_inflight{${labels}} 0`);
  assert.match(await scrape(), /sekisho_upstream_latency_seconds\{upstream="shop".*\} \d/);
  publish('sekisho:retry', { upstream: 'shop', server, attempt: 1, reason: 'status 503' });
  publish('sekisho:ejection', { upstream: 'shop', server, ejected: true, reason: 'failing' });
  publish('sekisho:ejection', { upstream: 'shop', server, ejected: false, reason: 'over' });
  publish('sekisho:health', { upstream: 'shop', server, state: 'down', reason: 'refused' });
  await sees(`sekisho_upstream_retries_total{${labels},reason="status 503"} 1`);
  await sees(`sekisho_upstream_ejections_total{${labels}} 1`);
  await sees(`sekisho_upstream_health_changes_total{${labels},state="down"} 1`);
  void pool.drain(good.url);
  await sees(`sekisho_upstream_up{${labels}} 0`);
});

test('cache hits and their bytes', async (t) => {
  const { url, sees } = await metered(t, {}, (app) => {
    app.get('/cached', cache('1 minute'), (_req, res) => void res.send('stored'));
  });
  for (let request = 0; request < 3; request++) await ask(`${url}/cached`);
  await sees('sekisho_cache_requests_total{result="miss"} 1');
  await sees('sekisho_cache_requests_total{result="hit"} 2');
  await sees('sekisho_cache_bytes_total{result="hit"} 12');
});

test('verdicts, errors and those who leave', async (t) => {
  const { url, sees } = await metered(t, {}, (app) => {
    app.get('/denied', (req, _res, next) => {
      const { transaction } = contextOf(req);
      Object.assign(transaction, { filter: 'denied', filterCategory: 'ads', auth: 'absent' });
      transaction.error = 'ERR_SEKISHO_URL_DENIED';
      next(new ProxyError('ERR_SEKISHO_URL_DENIED'));
    });
    app.get('/hang', () => undefined);
  });
  await ask(`${url}/denied`);
  await sees('sekisho_verdicts_total{by="filter",outcome="denied",category="ads"} 1');
  await sees('sekisho_verdicts_total{by="auth",outcome="absent",category=""} 1');
  await sees('sekisho_errors_total{code="ERR_SEKISHO_URL_DENIED",source="policy"} 1');
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write('GET /hang HTTP/1.1\r\nHost: a\r\n\r\n');
  await sees('sekisho_requests_active 1');
  socket.destroy();
  await sees('sekisho_aborts_total{by="client",stage="route"} 1');
  await sees('sekisho_requests_active 0');
});

test('scans, alerts, tunnels and warnings', async (t) => {
  const { sees } = await metered(t);
  const scan = { engine: 'ClamAV', target: '/', requestId: '1' } as const;
  publish('sekisho:scan', { ...scan, outcome: 'clean', direction: 'download', bytes: 9, took: 20 });
  publish('sekisho:alert', {
    rule: 'volume',
    severity: 'high',
    score: 1,
    blocked: true,
    destination: 'a.example:443',
    evidence: {},
    documentation: '#volume',
    repeated: 0,
  });
  publish('sekisho:tunnel', { destination: 'a.example:443', open: 3 });
  publish('sekisho:warning', { code: 'SEKISHO_REDIS', message: 'gone' });
  await sees('sekisho_scans_total{outcome="clean",direction="download"} 1');
  await sees('sekisho_scan_bytes_total{outcome="clean",direction="download"} 9');
  await sees('sekisho_scan_seconds_count{engine="ClamAV"} 1');
  await sees('sekisho_alerts_total{rule="volume",severity="high",blocked="true"} 1');
  await sees('sekisho_tunnels_open 3');
  await sees('sekisho_warnings_total{code="SEKISHO_REDIS"} 1');
});

test('WebSockets and their bytes, which are in no duration', async (t) => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  t.after(() => {
    sockets.close();
  });
  sockets.on('connection', (socket) => {
    socket.on('message', (message) => socket.send(message));
  });
  await once(sockets, 'listening');
  const { port } = sockets.address() as AddressInfo;
  const { server, url, scrape, sees } = await metered(t, {}, (app) =>
    app.use('/chat', balancedProxy(`http://127.0.0.1:${port}`)),
  );
  attach(server);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/chat`);
  await once(socket, 'open');
  socket.send('hello');
  await once(socket, 'message');
  socket.close();
  await sees('sekisho_tunnels_total{kind="websocket",outcome="completed"} 1');
  const text = await scrape();
  assert.match(text, /^sekisho_tunnel_bytes_total\{kind="websocket",direction="received"\} [1-9]/m);
  assert.match(text, /^sekisho_request_duration_seconds_count\{route="\/chat",method="GET"\} 0$/m);
});

test('connections of clients, and the lag of the event loop', async (t) => {
  const { url, scrape } = await metered(t);
  await ask(`${url}/a/1`);
  assert.match(await scrape(), /^sekisho_client_connections [1-9]/m);
  assert.match(await scrape(), /^sekisho_client_connections_opened_total [1-9]/m);
  assert.match(await scrape(), /^sekisho_event_loop_lag_seconds\{quantile="0\.99"\} \d/m);
});

test('each line is one that Prometheus reads, in both formats', async (t) => {
  const { url, meter, scrape } = await metered(t, { labels: { site: 'tokyo' }, process: true });
  await ask(`${url}/a/1`);
  await until(async () => (await scrape()).includes('route="/a/:id"'), 'the request');
  const prometheus = await fetch(`${url}/metrics`);
  assert.equal(prometheus.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(prometheus.headers.get('cache-control'), 'no-store');
  const text = await prometheus.text();
  assert.match(text, /^process_cpu_user_seconds_total\{site="tokyo"\} /m);
  const line =
    /^(?:# (?:HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+(?:\{(?:\w+="[^"]*",?)*\})? (?:[-+\d.e]+|NaN))?$/i;
  for (const one of text.split('\n')) assert.match(one, line);
  const accept =
    'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1';
  const open = await fetch(`${url}/metrics`, { headers: { accept } });
  assert.match(
    open.headers.get('content-type')!,
    /^application\/openmetrics-text; version=1\.0\.0/,
  );
  const openText = await open.text();
  assert.match(openText, /^# TYPE sekisho_requests counter$/m);
  assert.match(openText, /^sekisho_requests_total\{.*site="tokyo".*\} 1$/m);
  assert.match(openText, /\n# EOF\n$/);
  // Without `_total` a counter must not be called like a gauge.
  const families = [...openText.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assert.deepEqual(families, [...new Set(families)]);
  assert.match(await meter.registry.metrics(), /^# TYPE sekisho_requests_total counter$/m);
});

const readers: readonly [name: string, headers: Record<string, string>, status: number][] = [
  ['this machine', {}, 200],
  ['somebody behind a proxy nobody trusts', { 'x-forwarded-for': '10.0.0.1' }, 404],
  ['somebody behind another one', { via: '1.1 proxy' }, 404],
];

for (const [name, headers, status] of readers)
  test(`the page is answered to ${name} with ${status}`, async (t) => {
    const { url } = await metered(t);
    assert.equal((await fetch(`${url}/metrics`, { headers })).status, status);
  });

test('behind a trusted proxy the client’s own address counts', async (t) => {
  const { url } = await metered(t, {}, (app) => void app.set('trust proxy', 'loopback'));
  const from = async (address: string): Promise<number> =>
    (await fetch(`${url}/metrics`, { headers: { 'x-forwarded-for': address } })).status;
  assert.equal(await from('203.0.113.1'), 404);
  assert.equal(await from('10.1.2.3'), 200);
});

test('public answers everybody, path false nobody; page always answers', async (t) => {
  const open = await metered(t, { public: true });
  const headers = { 'x-forwarded-for': '203.0.113.1' };
  assert.equal((await fetch(`${open.url}/metrics`, { headers })).status, 200);
  const closed = await metered(t, { path: false });
  assert.equal((await fetch(`${closed.url}/metrics`)).status, 404);
  closed.app.get('/own', closed.meter.page);
  assert.match(await ask(`${closed.url}/own`, { headers }), /sekisho_requests_active/);
  assert.equal((await fetch(`${closed.url}/own`, { method: 'HEAD' })).status, 200);
});

test('a registry of the user’s has both; two metrics() on it count once', async (t) => {
  const registry = new Registry();
  new Counter({ name: 'own_total', help: 'own', registers: [registry] }).inc();
  const first = metrics({ registry, tracing: false });
  const second = metrics({ registry, tracing: false });
  const app = express().use(first, second);
  app.get('/a', (_req, res) => void res.send('a'));
  const { url } = await listen(t, app);
  await ask(`${url}/a`);
  const line = 'sekisho_requests_total{route="/a",method="GET",status="200"} ';
  await until(async () => (await ask(`${url}/metrics`)).includes(`${line}1`), 'one request');
  assert.match(await ask(`${url}/metrics`), /^own_total 1$/m);
  first.close();
  first.close();
  publish('sekisho:warning', { code: 'SEKISHO_LATE', message: 'counted' });
  assert.match(await registry.metrics(), /SEKISHO_LATE"} 1/);
  second.close();
  publish('sekisho:warning', { code: 'SEKISHO_LATE', message: 'not counted' });
  assert.match(await registry.metrics(), /SEKISHO_LATE"} 1/);
  await ask(`${url}/a`);
  assert.ok((await registry.metrics()).includes(`${line}1`));
});

test('two with registries of their own count each', async (t) => {
  const one = await metered(t, {}, (app) =>
    app.use('/', metrics({ path: '/two', process: false })),
  );
  await ask(`${one.url}/a/1`);
  await one.sees('sekisho_requests_total{route="/a/:id",method="GET",status="200"} 1');
  assert.match(await ask(`${one.url}/two`), /route="\/a\/:id",method="GET",status="200"\} 1/);
});

test('a metric of the user’s that fails is an error of the page, not of the process', async (t) => {
  const { url, meter } = await metered(t);
  new Counter({
    name: 'broken_total',
    help: 'broken',
    registers: [meter.registry],
    collect() {
      throw new Error('broken');
    },
  });
  assert.equal((await fetch(`${url}/metrics`)).status, 500);
});

test('in a cluster the primary has the numbers of all workers', async (t) => {
  const child = fork(new URL('cluster-process.ts', import.meta.url), {
    execArgv: ['--conditions=sekisho-source'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [text] = (await once(child, 'message')) as [string];
  assert.match(text, /^sekisho_requests_total\{route="\/a",method="GET",status="200"\} 6$/m);
  assert.match(text, /^sekisho_request_duration_seconds_count\{route="\/a",method="GET"\} 6$/m);
});

const wrong: Readonly<Record<string, [options: unknown, message: RegExp]>> = {
  'a path': [{ path: 'metrics' }, /path: 'metrics' is no path/],
  'a prefix': [{ prefix: 'a-b' }, /prefix: 'a-b' cannot begin a name/],
  'a registry': [{ registry: {} }, /registry: an object is no registry/],
  'buckets that fall': [{ buckets: [1, 0.5] }, /buckets: an array is not allowed/],
  'an option': [{ prefx: 'a' }, /unknown option 'prefx'; did you mean 'prefix'/],
};

for (const [name, [options, message]] of Object.entries(wrong))
  test(`refuses ${name} at construction`, () => {
    assert.throws(
      () => metrics(options as MetricsOptions),
      (error) => error instanceof OptionsError && message.test(error.message),
    );
  });
