import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import cookieParser from 'cookie-parser';
import cors from 'cors';
import express, { type RequestHandler } from 'express';
import { audit, AuditError } from '../../lib/audit/index.ts';
import { authGate } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';

const server = 'http://127.0.0.1:9';
const gate = () => authGate({ basic: { users: { alice: 'secret' } } });

/** Nothing of an app may be called while it is read. */
const never: RequestHandler = () => {
  throw new Error('called');
};

function rows(app: unknown): string[] {
  return audit(app).chain.map(
    ({ index, name, role, path, methods, depth }) =>
      `${index} ${'>'.repeat(depth)}${name} ${role} ${methods?.join() ?? '*'} ${path}`,
  );
}

test('the chain is listed in the order in which requests meet it, nested routers and apps unfolded', () => {
  const api = express();
  api.use(cors());
  api.get('/users/:id', never);
  const nested = express.Router();
  nested.use('/deep', cookieParser(), balancedProxy(server));
  const router = express.Router();
  router.use('/v1', nested);
  const app = express();
  app.use(express.static('.'), never);
  app.use('/api', api);
  app.use(['/a', '/b'], router);
  app.post(/^\/x/, express.json(), never);
  app.all('/all', never);
  assert.deepEqual(rows(app), [
    '1 serveStatic static * /',
    '2 never unknown * /',
    '3 app app * /api',
    '4 >corsMiddleware cors * /api',
    '5 >never route GET /api/users/:id',
    '6 router router * /a, /b',
    '7 >router router * /a, /b/v1',
    '8 >>cookieParser cookie-parser * /a, /b/v1/deep',
    '9 >>balancedProxy forwarder * /a, /b/v1/deep',
    '10 jsonParser body-parser POST /^\\/x/',
    '11 never route POST /^\\/x/',
    '12 never route * /all',
  ]);
});

const require = createRequire(import.meta.url);

for (const version of ['2.0', '2.2'])
  test(`a router of version ${version}, which keeps no paths, is read like one of 2.3`, () => {
    const old = require(`router-${version}`) as typeof express.Router;
    const router = old();
    router.use('/blog/', gate());
    router.use('/shop/:id', never);
    router.get('/files/*rest', never);
    router.use(balancedProxy(server));
    const app = express();
    app.use('/v1', router as unknown as RequestHandler);
    assert.deepEqual(rows(app), [
      '1 router router * /v1',
      '2 >authGate gate * /v1/blog',
      '3 >never unknown * /v1/shop/:param',
      '4 >never route GET /v1/files/*rest',
      '5 >balancedProxy forwarder * /v1',
    ]);
    const narrower = audit(app).findings.filter(
      ({ rule }) => rule === 'gate-narrower-than-forwarder',
    );
    assert.deepEqual(
      narrower.map(({ where }) => where),
      ['#2 authGate at /v1/blog'],
    );
  });

test('nothing of the app is called: no handler, no getter, no conversion', () => {
  const hostile: RequestHandler = () => undefined;
  const app = express();
  app.use('/a', hostile, never);
  app.use(balancedProxy(never as never));
  for (const property of ['name', 'length', 'upgrade', 'resetKey', 'options', 'toString'])
    Object.defineProperty(hostile, property, { get: never as () => unknown });
  assert.equal(audit(app).chain.length, 3);
});

test('an app mounted in itself is read to its end', () => {
  const app = express();
  const router = express.Router();
  router.use('/again', router);
  app.use(router);
  assert.ok(audit(app).chain.length < 100);
});

for (const [title, given] of [
  ['nothing', undefined],
  ['a router', express.Router()],
  ['a function', () => undefined],
  ['an object', {}],
] as const)
  test(`${title} is no app`, () => {
    assert.throws(() => audit(given), {
      code: 'ERR_SEKISHO_OPTIONS',
      message: /app: .* is no Express 5 app; pass what express\(\) returns/,
    });
  });

for (const [options, message] of [
  [{ ignore: ['cache-before-gates'] }, /ignore\.0: 'cache-before-gates' is no rule; the rules are/],
  [{ known: { login: 'gates' } }, /known\.login: 'gates' is not allowed.*did you mean 'gate'/],
  [{ knwon: {} }, /unknown option 'knwon'; did you mean 'known'/],
] as const)
  test(`the options ${JSON.stringify(options)} are refused`, () => {
    assert.throws(() => audit(express(), options as never), {
      code: 'ERR_SEKISHO_OPTIONS',
      message,
    });
  });

test('throwIf throws what is as bad as said, or worse', () => {
  const app = express().use(cache('1m'), gate(), balancedProxy(server));
  const report = audit(app);
  assert.throws(
    () => report.throwIf('error'),
    (error: unknown) =>
      error instanceof AuditError &&
      error.code === 'ERR_SEKISHO_AUDIT' &&
      error.findings.every(({ severity }) => severity === 'error') &&
      error.message.includes('cache-before-gate: #1 cache at /'),
  );
  const harmless = audit(express().use(balancedProxy(server)));
  assert.throws(() => harmless.throwIf('warn' as never), { code: 'ERR_SEKISHO_OPTIONS' });
  harmless.throwIf();
  harmless.throwIf('warning');
  assert.throws(() => harmless.throwIf('info'), AuditError);
});

test('the report prints the chain, then the findings, the worst first', () => {
  const app = express().use(cache('1m'), gate(), balancedProxy(server));
  const report = audit(app);
  let text = '';
  report.print((part) => (text += part));
  const at = (part: string): number => {
    assert.ok(text.includes(part), part);
    return text.indexOf(part);
  };
  assert.ok(at('#1 cache') < at('✖ cache-before-gate'));
  assert.ok(at('✖ cache-before-gate') < at('ℹ no-error-handler'));
  assert.match(text, /1 errors, 0 warnings, 2 notes\.\n$/);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), {
    findings: report.findings,
    chain: report.chain,
  });
});
