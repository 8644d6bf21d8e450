/** The same requests through the real apicache and through ours. What differs has its reason in the table. */
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import apicache, { type Apicache } from '../../lib/apicache/index.ts';
import { send } from '../cache/support.ts';
import { listen, turns, until } from '../support/servers.ts';
import { original } from './original.ts';

interface Lab {
  readonly api: Apicache;
  readonly app: Express;
  readonly port: number;
  /** Answers with a count of its own, so that a stored answer is known by it. */
  readonly count: (change?: (req: Request, res: Response) => void) => RequestHandler;
  readonly get: (
    path: string,
    headers?: Record<string, string>,
    method?: string,
  ) => Promise<Answer>;
}
interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}
interface Row {
  readonly run: (lab: Lab) => unknown;
  /** Without these both are the same. */
  readonly differs?: { readonly theirs: unknown; readonly ours: unknown; readonly why: string };
}

async function lab(t: TestContext, api: Apicache): Promise<Lab> {
  const app = express();
  const { url, port } = await listen(t, app);
  t.after(() => void api.clear());
  let counted = 0;
  return {
    api,
    app,
    port,
    count: (change) => (req, res) => {
      counted += 1;
      change?.(req, res);
      if (!res.writableEnded) res.send(`answer ${String(counted)}`);
    },
    async get(path, headers = {}, method = 'GET') {
      const answer = await fetch(url + path, { headers, method, redirect: 'manual' });
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    },
  };
}

/** The texts of one request after the other. */
async function texts(
  { get }: Lab,
  ...asks: (string | [string, Record<string, string>?, string?])[]
) {
  const seen: string[] = [];
  for (const ask of asks) {
    const [path, headers, method] = typeof ask === 'string' ? [ask] : ask;
    seen.push((await get(path, headers, method)).text);
  }
  return seen;
}

/** Twice the same request, through a handler that changes its answer so. */
function twice(
  change?: (req: Request, res: Response) => void,
  ask: [Record<string, string>?, string?] = [],
): Row['run'] {
  return async (lab) => {
    lab.app.use(lab.api.middleware('5 minutes'), lab.count(change));
    return texts(lab, ['/a', ...ask], ['/a', ...ask]);
  };
}

function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return (error as Error).name;
  }
}

const once = ['answer 1', 'answer 1'];
const each = ['answer 1', 'answer 2'];
const replayed = (why: string): NonNullable<Row['differs']> => ({ theirs: once, ours: each, why });

const rows: Record<string, Row> = {
  'a handler that says nothing': { run: twice() },
  JSON: {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), (_req, res) => void res.json({ a: 1 }));
      const [first, second] = [await lab.get('/'), await lab.get('/')];
      return [first, second].map(({ status, text, headers }) => [
        status,
        text,
        headers.get('content-type'),
        headers.get('etag'),
      ]);
    },
  },
  'write and end': {
    run: twice((_req, res) => {
      res.write('one ');
      res.write(Buffer.from('two '));
      res.end('three');
    }),
  },
  bytes: {
    run: async (lab) => {
      lab.app.use(
        lab.api.middleware('5 minutes'),
        (_req, res) => void res.send(Buffer.from([0, 255, 128])),
      );
      return texts(lab, '/', '/');
    },
  },
  'other queries are other answers': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      return texts(lab, '/a?x=1', '/a?x=2', '/a?x=1');
    },
  },
  'a router mounted below a path': {
    run: async (lab) => {
      lab.app.use('/api', lab.api.middleware('5 minutes'), lab.count());
      await lab.get('/api/x?y');
      return lab.api.getIndex().all;
    },
  },
  '404': { run: twice((_req, res) => void res.status(404)) },
  'max-age=0 of the handler': {
    run: twice((_req, res) => void res.set('Cache-Control', 'max-age=0')),
  },
  'Expires of the handler': { run: twice((_req, res) => void res.set('Expires', '0')) },
  'no-store of the handler': {
    run: twice((_req, res) => void res.set('Cache-Control', 'no-store')),
    differs: replayed('the handler has said that nobody may keep it'),
  },
  'private of the handler': {
    run: twice((_req, res) => void res.set('Cache-Control', 'private')),
    differs: replayed('the handler has said that it is for one user'),
  },
  'no-cache of the handler': {
    run: twice((_req, res) => void res.set('Cache-Control', 'no-cache')),
    differs: replayed('the handler wants to be asked each time'),
  },
  'Set-Cookie': {
    run: twice((_req, res) => void res.cookie('session', 'secret')),
    differs: replayed("one user's session would be given to all"),
  },
  Authorization: {
    run: twice(undefined, [{ authorization: 'Basic YTpi' }]),
    differs: replayed("one user's answer would be given to all"),
  },
  'cookies of the request': {
    run: twice(undefined, [{ cookie: 'session=1' }]),
    differs: replayed(
      "the answer may be one user's own; the option cookies: 'ignore' has the old way",
    ),
  },
  "cookies of the request with cookies: 'ignore'": {
    run: async (lab) => {
      if ('cookies' in lab.api.options()) lab.api.options({ cookies: 'ignore' });
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      return texts(lab, ['/', { cookie: 'session=1' }], ['/', { cookie: 'session=2' }]);
    },
  },
  '401': {
    run: twice((_req, res) => void res.status(401)),
    differs: replayed('who comes with the right password would be refused'),
  },
  '500': {
    run: twice((_req, res) => void res.status(500)),
    differs: replayed('a passing failure would last; statusCodes.include names those that shall'),
  },
  '302': {
    run: twice((_req, res) => void res.status(302)),
    differs: replayed(
      'a temporary redirect is for the moment; statusCodes.include names those that shall',
    ),
  },
  Vary: {
    run: async (lab) => {
      lab.app.use(
        lab.api.middleware('5 minutes'),
        lab.count((_req, res) => void res.vary('X-Kind')),
      );
      return texts(lab, ['/', { 'x-kind': 'a' }], ['/', { 'x-kind': 'b' }]);
    },
    differs: replayed('the handler answers by that field of the request'),
  },
  POST: {
    run: twice(undefined, [{}, 'POST']),
    differs: replayed('a POST does something; only GET and HEAD are answered from the cache'),
  },
  'POST, then GET': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      return texts(lab, ['/', {}, 'POST'], '/');
    },
    differs: replayed('the method is part of the key'),
  },
  'GET, POST, then GET': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      return texts(lab, '/', ['/', {}, 'POST'], '/');
    },
    differs: {
      theirs: ['answer 1', 'answer 1', 'answer 1'],
      ours: ['answer 1', 'answer 2', 'answer 3'],
      why: 'what a POST may have changed is asked anew (RFC 9111 §4.4)',
    },
  },
  'x-apicache-bypass': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      return texts(lab, '/', ['/', { 'x-apicache-bypass': 'true' }], '/');
    },
  },
  'x-apicache-force-fetch': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      return texts(lab, '/', ['/', { 'x-apicache-force-fetch': 'true' }], '/');
    },
  },
  'no-cache of the request': { run: twice(undefined, [{ 'cache-control': 'no-cache' }]) },
  respectCacheControl: {
    run: async (lab) => {
      lab.app.use(
        lab.api.options({ respectCacheControl: true }).middleware('5 minutes'),
        lab.count(),
      );
      return texts(lab, '/', ['/', { 'cache-control': 'no-cache' }], '/');
    },
    differs: {
      theirs: ['answer 1', 'answer 2', 'answer 1'],
      ours: ['answer 1', 'answer 2', 'answer 2'],
      why: 'what was fetched anew takes the place of the old answer',
    },
  },
  'enabled: false': {
    run: async (lab) => {
      lab.app.use(lab.api.options({ enabled: false }).middleware('5 minutes'), lab.count());
      return texts(lab, '/', '/');
    },
  },
  'enabled later': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      lab.api.options({ enabled: false });
      const off = await texts(lab, '/', '/');
      lab.api.options({ enabled: true });
      return [...off, ...(await texts(lab, '/', '/'))];
    },
  },
  'enabled: false in local options': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes', undefined, { enabled: false }), lab.count());
      return texts(lab, '/', '/');
    },
  },
  'a toggle by status': {
    run: async (lab) => {
      const only200 = (_req: Request, res: Response): boolean => res.statusCode === 200;
      lab.app.use(
        lab.api.middleware('5 minutes', only200),
        lab.count((req, res) => void res.status(req.path === '/none' ? 404 : 200)),
      );
      return texts(lab, '/none', '/none', '/some', '/some');
    },
  },
  'a toggle by request': {
    run: async (lab) => {
      const anonymous = (req: Request): boolean => req.headers['x-admin'] === undefined;
      lab.app.use(lab.api.middleware('5 minutes', anonymous), lab.count());
      return texts(lab, '/', ['/', { 'x-admin': '1' }], '/');
    },
  },
  'what a toggle refuses says no-store': {
    run: async (lab) => {
      lab.app.use(
        lab.api.middleware('5 minutes', () => false),
        lab.count(),
      );
      return (await lab.get('/')).headers.get('cache-control');
    },
  },
  'statusCodes.include': {
    run: async (lab) => {
      lab.api.options({ statusCodes: { include: [200] } });
      lab.app.use(
        lab.api.middleware('5 minutes'),
        lab.count((req, res) => void res.status(req.path === '/none' ? 404 : 200)),
      );
      return texts(lab, '/none', '/none', '/some', '/some');
    },
  },
  'statusCodes.include of an error': {
    run: async (lab) => {
      lab.api.options({ statusCodes: { include: [302, 503] } });
      lab.app.use(
        lab.api.middleware('5 minutes'),
        lab.count((req, res) => void res.status(Number(req.path.slice(1)))),
      );
      return texts(lab, '/302', '/302', '/503', '/503', '/200', '/200');
    },
  },
  'statusCodes.exclude': {
    run: async (lab) => {
      lab.api.options({ statusCodes: { exclude: [404] } });
      lab.app.use(
        lab.api.middleware('5 minutes'),
        lab.count((req, res) => void res.status(req.path === '/none' ? 404 : 200)),
      );
      return texts(lab, '/none', '/none', '/some', '/some');
    },
  },
  'statusCodes in local options': {
    run: async (lab) => {
      const local = { statusCodes: { include: [404] } };
      lab.app.use(lab.api.middleware('5 minutes', undefined, local), lab.count());
      return texts(lab, '/', '/');
    },
    differs: replayed('the original reads the global ones only'),
  },
  'max-age of a first answer': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      return (await lab.get('/')).headers.get('cache-control');
    },
  },
  'Cache-Control of the handler reaches the client': {
    run: async (lab) => {
      lab.app.use(
        lab.api.middleware('5 minutes'),
        lab.count((_req, res) => void res.set('Cache-Control', 'private, max-age=5')),
      );
      return (await lab.get('/')).headers.get('cache-control');
    },
    differs: {
      theirs: 'max-age=300',
      ours: 'private, max-age=5',
      why: 'browsers and caches in between go by the word of the handler',
    },
  },
  'the option headers': {
    run: async (lab) => {
      lab.api.options({ headers: { 'cache-control': 'no-cache', 'x-by': 'cache' } });
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      const answers = [await lab.get('/'), await lab.get('/')];
      return answers.map(({ text, headers }) => [
        text,
        headers.get('cache-control'),
        headers.get('x-by'),
      ]);
    },
    differs: {
      theirs: [
        ['answer 1', 'no-cache', 'cache'],
        ['answer 1', 'max-age=300', 'cache'],
      ],
      ours: [
        ['answer 1', 'no-cache', 'cache'],
        ['answer 1', 'no-cache', 'cache'],
      ],
      why: 'the field that was asked for is on stored answers, too',
    },
  },
  headerBlacklist: {
    run: async (lab) => {
      lab.api.options({ headerBlacklist: ['x-once'] });
      lab.app.use(
        lab.api.middleware('5 minutes'),
        lab.count((_req, res) => void res.set('X-Once', '1').set('X-All', '1')),
      );
      const answers = [await lab.get('/'), await lab.get('/')];
      return answers.map(({ headers }) => [headers.get('x-once'), headers.get('x-all')]);
    },
  },
  'apicache-store on a stored answer': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      const answers = [await lab.get('/'), await lab.get('/')];
      return answers.map(({ headers }) => headers.get('apicache-store'));
    },
  },
  'apicache-version on a stored answer': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      await lab.get('/');
      return (await lab.get('/')).headers.get('apicache-version');
    },
    differs: {
      theirs: '1.6.3',
      ours: null,
      why: 'it is not that package; Cache-Status tells more',
    },
  },
  'If-None-Match': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      const etag = (await lab.get('/')).headers.get('etag')!;
      const { status, text } = await lab.get('/', { 'if-none-match': etag });
      return [status, text];
    },
  },
  'If-None-Match with a list': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      const etag = (await lab.get('/')).headers.get('etag')!;
      return (await lab.get('/', { 'if-none-match': `"x", ${etag}` })).status;
    },
    differs: { theirs: 200, ours: 304, why: 'the field is a list (RFC 9110 §13.1.2)' },
  },
  Range: {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      await lab.get('/');
      const { status, text } = await lab.get('/', { range: 'bytes=0-2' });
      return [status, text];
    },
    differs: {
      theirs: [200, 'answer 1'],
      ours: [206, 'ans'],
      why: 'ranges are cut out of stored answers',
    },
  },
  'appendKey as a function': {
    run: async (lab) => {
      lab.api.options({ appendKey: (req) => req.headers['x-tenant'] });
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      const seen = await texts(
        lab,
        ['/', { 'x-tenant': 'a' }],
        ['/', { 'x-tenant': 'b' }],
        ['/', { 'x-tenant': 'a' }],
        '/',
      );
      return [seen, [...lab.api.getIndex().all].sort()];
    },
  },
  'appendKey as a path': {
    run: async (lab) => {
      lab.api.options({ appendKey: ['headers', 'x-tenant'] });
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      const seen = await texts(
        lab,
        ['/', { 'x-tenant': 'a"] b' }],
        ['/', { 'x-tenant': 'b' }],
        ['/', { 'x-tenant': 'a"] b' }],
      );
      return [seen, [...lab.api.getIndex().all].sort(), lab.api.clear('/$$appendKey=b').all];
    },
  },
  'appendKey that gives an object': {
    run: async (lab) => {
      lab.app.use((_req, res, next) => {
        res.on('error', () => undefined);
        next();
      });
      lab.api.options({ appendKey: () => ({ tenant: 1 }) });
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      lab.app.use(((error, _req, res, next) => {
        if (res.headersSent) next(error);
        else res.status(500).send('refused');
      }) as express.ErrorRequestHandler);
      return (await lab.get('/')).text;
    },
    differs: {
      theirs: 'answer 1',
      ours: 'refused',
      why: "'[object Object]' is the same key for all tenants",
    },
  },
  jsonp: {
    run: async (lab) => {
      lab.api.options({ jsonp: true });
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      return texts(lab, '/a?callback=x', '/a?callback=y');
    },
    differs: replayed("one caller's callback would be given to all"),
  },
  'groups, index and clear': {
    run: async (lab) => {
      lab.app.use(
        lab.api.middleware('5 minutes'),
        lab.count((req) => void (req.apicacheGroup = req.path.slice(1, 2))),
      );
      const sorted = (names: readonly string[] = []): string[] => [...names].sort();
      await texts(lab, '/a1', '/a2', '/b1');
      const seen: unknown[] = [sorted(lab.api.getIndex().all), sorted(lab.api.getIndex('a'))];
      seen.push(lab.api.getIndex('none'));
      seen.push(plain(lab.api.clear('a')), await texts(lab, '/a1', '/a2', '/b1'));
      seen.push(sorted(lab.api.clear('/a1').all), await texts(lab, '/a1', '/a2'));
      seen.push(plain(lab.api.clear()), await texts(lab, '/b1'));
      return seen;
    },
  },
  'clear of a path leaves what is below it': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      await texts(lab, '/a', '/a/b', '/a?c');
      return [...lab.api.clear('/a').all].sort();
    },
  },
  getPerformance: {
    run: async (lab) => {
      lab.app.use(lab.api.options({ trackPerformance: true }).middleware('5 minutes'), lab.count());
      const before = lab.api.getPerformance();
      await texts(lab, '/', '/', '/', '/b');
      return [before, lab.api.getPerformance()];
    },
  },
  'getPerformance without trackPerformance': {
    run: (lab) => {
      lab.api.middleware('5 minutes');
      return lab.api.getPerformance();
    },
  },
  options: {
    run: (lab) => {
      const chained = lab.api.options({
        defaultDuration: '2 hours',
        statusCodes: { include: [200], exclude: [] },
      });
      const { cookies: ours, ...settings } = chained.options();
      assert.match(String(ours), /^(?:undefined|private)$/);
      return [chained === lab.api, settings, lab.api.getDuration()];
    },
  },
  'options of a middleware': {
    run: (lab) => {
      const cached = lab.api.middleware('1 hour', undefined, { enabled: false });
      cached.options({ enabled: true, respectCacheControl: true });
      const { cookies: ours, ...settings } = cached.options();
      assert.match(String(ours), /^(?:undefined|private)$/);
      return settings;
    },
  },
  'clone and newInstance': {
    run: (lab) => {
      lab.api.options({ defaultDuration: '1 minute' });
      const { id } = lab.api;
      const [clone, fresh] = [lab.api.clone(), lab.api.newInstance({ debug: false })];
      return [clone.getDuration(), fresh.getDuration(), clone.id - id, fresh.id - id];
    },
  },
  'another host': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      const ask = async (host: string): Promise<string> =>
        (await send(lab.port, '/', { headers: { Host: host } })).body;
      return [await ask('a.example'), await ask('b.example')];
    },
    differs: replayed('one site would be shown in place of the other'),
  },
  'a body that ended early': {
    run: async (lab) => {
      let counted = 0;
      lab.app.use((req, res, next) => {
        res.once('finish', () => setTimeout(() => req.socket.destroy(), 20));
        next();
      });
      lab.app.use(lab.api.middleware('5 minutes'), (_req, res) => {
        counted += 1;
        res.set('Content-Length', '9').end(counted === 1 ? 'begun' : 'all of it');
      });
      const ask = async (): Promise<string> => (await send(lab.port, '/')).body;
      return [await ask().catch(() => ''), await ask().catch(() => '')].at(1);
    },
    differs: { theirs: 'begun', ours: 'all of it', why: 'what is not whole is not stored' },
  },
  'many requests for one key': {
    run: async (lab) => {
      let arrived = 0;
      let counted = 0;
      lab.app.use((_req, _res, next) => {
        arrived += 1;
        next();
      });
      lab.app.use(lab.api.middleware('5 minutes'), async (_req, res) => {
        counted += 1;
        await until(() => arrived === 3, 'all are here');
        await turns();
        res.send('answer');
      });
      await Promise.all([lab.get('/'), lab.get('/'), lab.get('/')]);
      return counted;
    },
    differs: { theirs: 3, ours: 1, why: 'they share one answer' },
  },
  'max-age of a stored answer, a second later': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware('5 minutes'), lab.count());
      await lab.get('/');
      await new Promise((resolve) => setTimeout(resolve, 1200));
      const { headers } = await lab.get('/');
      return [headers.get('cache-control') === 'max-age=300', Number(headers.get('age')) > 0];
    },
    differs: {
      theirs: [false, false],
      ours: [true, true],
      why: 'it counts from the answer on, and Age says how long that is ago (RFC 9111 §5.1)',
    },
  },
  'headers and headerBlacklist in local options': {
    run: async (lab) => {
      const local = { headers: { 'x-by': 'cache' }, headerBlacklist: ['x-once'] };
      lab.app.use(
        lab.api.middleware('5 minutes', undefined, local),
        lab.count((_req, res) => void res.set('X-Once', '1')),
      );
      const answers = [await lab.get('/'), await lab.get('/')];
      return answers.map(({ headers }) => [headers.get('x-by'), headers.get('x-once')]);
    },
    differs: {
      theirs: [
        [null, '1'],
        [null, '1'],
      ],
      ours: [
        ['cache', '1'],
        ['cache', null],
      ],
      why: 'the original reads the global ones only',
    },
  },
  'an unknown option': {
    run: (lab) => attempt(() => typeof lab.api.options({ defaultDuraton: '1 hour' } as never)),
    differs: { theirs: 'object', ours: 'OptionsError', why: 'a slip of the pen is told at once' },
  },
  'a toggle that is no function': {
    run: (lab) => attempt(() => typeof lab.api.middleware('5 minutes', 'GET' as never)),
    differs: {
      theirs: 'function',
      ours: 'OptionsError',
      why: 'it is told before the first request',
    },
  },
  'the duration is over': {
    run: async (lab) => {
      lab.app.use(lab.api.middleware(50), lab.count());
      const first = await texts(lab, '/');
      await new Promise((resolve) => setTimeout(resolve, 120));
      return [...first, ...(await texts(lab, '/'))];
    },
  },
};

const durations: readonly [unknown, unknown, unknown, string?][] = [
  [undefined, 3_600_000, 3_600_000],
  [1500, 1500, 1500],
  ['500 ms', 500, 500],
  ['1 second', 1000, 1000],
  ['5 minutes', 300_000, 300_000],
  ['5minutes', 300_000, 300_000],
  ['1.5 hours', 5_400_000, 5_400_000],
  ['2 days', 172_800_000, 172_800_000],
  ['1 week', 604_800_000, 604_800_000],
  ['1 month', 2_592_000_000, 2_592_000_000],
  ['5m', 5, 300_000, "the original takes 'm' for milliseconds"],
  ['5s', 0, 5000, 'the original knows no abbreviations'],
  ['5 sec', 0, 5000, 'the original knows no abbreviations'],
  ['5 min', 0, 300_000, 'the original knows no abbreviations'],
  ['1h', 0, 3_600_000, 'the original knows no abbreviations'],
  ['0 minutes', 60_000, 0, 'the original takes nothing for one'],
  ['5 mintues', 0, 'OptionsError', 'a slip of the pen is told at once'],
  ['1,000 ms', 1, 'OptionsError', 'it may be a thousand, or one'],
  ['soon', 'TypeError', 'OptionsError', 'the error says what is wrong'],
  [{}, 3_600_000, 'OptionsError', 'it is no duration'],
];

for (const [name, { run, differs }] of Object.entries(rows))
  test(`${name}: ${differs === undefined ? 'the same' : differs.why}`, async (t) => {
    const theirs = await run(await lab(t, original.newInstance()));
    const ours = await run(await lab(t, apicache.newInstance()));
    assert.deepEqual(plain(theirs), plain(differs?.theirs ?? ours), 'theirs');
    assert.deepEqual(plain(ours), plain(differs === undefined ? theirs : differs.ours), 'ours');
  });

for (const [given, theirs, ours, why = 'the same'] of durations)
  test(`duration ${JSON.stringify(given)}: ${why}`, () => {
    assert.deepEqual(
      attempt(() => original.getDuration(given as string)),
      theirs,
    );
    assert.deepEqual(
      attempt(() => apicache.getDuration(given as string)),
      ours,
    );
  });

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
