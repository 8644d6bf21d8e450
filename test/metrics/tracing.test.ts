import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Context,
  type ContextManager,
} from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import express, { type Express } from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { metrics } from '../../lib/metrics/index.ts';
import { exchangeRaw, listen, until } from '../support/servers.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';
const traceparent = `00-${traceId}-${parent}-01`;

function spans(t: TestContext): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
  t.after(() => {
    trace.disable();
  });
  return exporter;
}

async function traced(t: TestContext, prepare: (app: Express) => void): Promise<string> {
  const meter = metrics({ process: false });
  t.after(() => meter.close());
  const app = express().use(meter);
  prepare(app);
  app.use(errorPages());
  return (await listen(t, app)).url;
}

async function finished(exporter: InMemorySpanExporter, count: number): Promise<ReadableSpan[]> {
  await until(() => exporter.getFinishedSpans().length >= count, `${count} spans`);
  return exporter.getFinishedSpans();
}

function ofKind(all: readonly ReadableSpan[], kind: SpanKind): ReadableSpan[] {
  return all.filter((span) => span.kind === kind);
}

test('without a provider nothing happens, and a traceparent is passed on', async (t) => {
  const got: unknown[] = [];
  const upstream = await listen(t, (req, res) => {
    got.push(req.headers.traceparent);
    res.end();
  });
  const url = await traced(t, (app) => app.use(balancedProxy(upstream.url)));
  await fetch(url, { headers: { traceparent } });
  await fetch(url);
  assert.deepEqual(got, [traceparent, undefined]);
});

test('a span of the request and one for the server, in the trace of the client', async (t) => {
  const exporter = spans(t);
  const got: (string | string[] | undefined)[] = [];
  const upstream = await listen(t, (req, res) => {
    got.push(req.headers.traceparent, req.headers.tracestate);
    res.end('x');
  });
  const url = await traced(t, (app) => app.use('/shop', balancedProxy(upstream.url)));
  await fetch(`${url}/shop/1?token=t`, { headers: { traceparent, tracestate: 'a=b' } });
  const all = await finished(exporter, 2);
  const [server] = ofKind(all, SpanKind.SERVER);
  const [client] = ofKind(all, SpanKind.CLIENT);
  assert.equal(server!.spanContext().traceId, traceId);
  assert.equal(server!.parentSpanContext?.spanId, parent);
  assert.equal(client!.parentSpanContext?.spanId, server!.spanContext().spanId);
  assert.deepEqual(got, [`00-${traceId}-${client!.spanContext().spanId}-01`, 'a=b']);
  assert.equal(server!.name, 'GET /shop');
  const { attributes } = server!;
  assert.deepEqual(
    [
      'http.request.method',
      'http.response.status_code',
      'http.route',
      'url.path',
      'client.address',
    ].map((name) => attributes[name]),
    ['GET', 200, '/shop', '/shop/1', '127.0.0.1'],
  );
  assert.doesNotMatch(JSON.stringify(attributes), /token/);
  assert.equal(client!.attributes['server.port'], Number(new URL(upstream.url).port));
});

test('by the conventions: methods that clients make up are one, name and port are two, a path is no URL', async (t) => {
  const exporter = spans(t);
  const upstream = await listen(t, (_req, res) => void res.end('x'));
  const url = await traced(t, (app) => app.use('/shop', balancedProxy(upstream.url)));
  await exchangeRaw(
    Number(new URL(url).port),
    'PROPFIND http://gateway.example:8080/shop/1?a=b HTTP/1.1\r\nHost: gateway.example:8080\r\nConnection: close\r\n\r\n',
  );
  const all = await finished(exporter, 2);
  for (const { attributes } of all)
    assert.deepEqual(
      [attributes['http.request.method'], attributes['http.request.method_original']],
      ['_OTHER', 'PROPFIND'],
    );
  const [server] = ofKind(all, SpanKind.SERVER);
  const [client] = ofKind(all, SpanKind.CLIENT);
  assert.deepEqual([server!.name, client!.name], ['HTTP /shop', 'HTTP']);
  const { attributes } = server!;
  assert.deepEqual(
    ['server.address', 'server.port', 'url.path'].map((name) => attributes[name]),
    ['gateway.example', 8080, '/shop/1'],
  );
});

test('each attempt has a span, and what fails says so', async (t) => {
  const exporter = spans(t);
  const bad = await listen(t, (_req, res) => void res.writeHead(503).end());
  const good = await listen(t, (_req, res) => void res.end('x'));
  const url = await traced(t, (app) =>
    app.use(
      balancedProxy({
        target: [bad.url, { url: good.url, backup: true }],
        retries: { statuses: [503], budget: 1 },
      }),
    ),
  );
  await fetch(url);
  const attempts = ofKind(await finished(exporter, 3), SpanKind.CLIENT);
  assert.deepEqual(
    attempts.map((span) => span.attributes['http.response.status_code']),
    [503, 200],
  );
  assert.equal(attempts[0]!.attributes['error.type'], '503');
});

test('no server: both spans end as errors', async (t) => {
  const exporter = spans(t);
  const url = await traced(t, (app) => app.use(balancedProxy('http://127.0.0.1:1')));
  await fetch(url);
  const all = await finished(exporter, 2);
  for (const span of all) assert.match(String(span.attributes['error.type']), /^ERR_SEKISHO_/);
  assert.deepEqual(
    all.map(({ status }) => status.code),
    [2, 2],
  );
});

test('an answer of the app: spans of its own are children', async (t) => {
  const exporter = spans(t);
  context.setGlobalContextManager(contextManager());
  t.after(() => {
    context.disable();
  });
  const url = await traced(t, (app) => {
    app.get('/a', (_req, res) => {
      trace.getTracer('app').startSpan('query').end();
      res.send('a');
    });
  });
  await fetch(`${url}/a`);
  const all = await finished(exporter, 2);
  const [server] = ofKind(all, SpanKind.SERVER);
  const query = all.find(({ name }) => name === 'query');
  assert.equal(query!.parentSpanContext?.spanId, server!.spanContext().spanId);
  assert.equal(server!.name, 'GET /a');
});

test('where an instrumentation has begun a span, that is the server’s', async (t) => {
  const exporter = spans(t);
  context.setGlobalContextManager(contextManager());
  t.after(() => {
    context.disable();
  });
  const upstream = await listen(t, (_req, res) => void res.end('x'));
  const meter = metrics({ process: false });
  t.after(() => meter.close());
  const app = express();
  app.use((_req, res, next) => {
    const span = trace.getTracer('http').startSpan('instrumented', { kind: SpanKind.SERVER });
    res.once('close', () => span.end());
    context.with(trace.setSpan(context.active(), span), next);
  });
  app.use(meter, balancedProxy(upstream.url));
  const { url } = await listen(t, app);
  await fetch(url);
  const all = await finished(exporter, 2);
  assert.deepEqual(
    ofKind(all, SpanKind.SERVER).map(({ name }) => name),
    ['instrumented'],
  );
  const [client] = ofKind(all, SpanKind.CLIENT);
  assert.equal(
    client!.parentSpanContext?.spanId,
    ofKind(all, SpanKind.SERVER)[0]!.spanContext().spanId,
  );
});

/** As @opentelemetry/context-async-hooks has one. */
function contextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, thisArg, ...args) =>
      storage.run(active, () => fn.call(thisArg as never, ...args)),
    bind: (_active, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}
