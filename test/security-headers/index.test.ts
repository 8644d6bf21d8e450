import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import express, { type Express, type Request, type Response, type NextFunction } from 'express';
import helmet from 'helmet';
import { contextOf } from '../../lib/core/context.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { securityHeaders, type SecurityHeadersOptions } from '../../lib/security-headers/index.ts';
import { listen } from '../support/servers.ts';

type Middleware = ReturnType<typeof securityHeaders>;

/** Answers what the context says is to be stripped. */
function appWith(...handlers: Middleware[]): Express {
  const app = express();
  for (const handler of handlers) app.use(handler);
  app.get('/', (req: Request, res: Response) => {
    res.json([...contextOf(req).strip]);
  });
  return app;
}

async function ask(
  t: TestContext,
  ...handlers: Middleware[]
): Promise<{ fields: Record<string, string>; strip: string[] }> {
  const { url } = await listen(t, appWith(...handlers));
  const response = await fetch(url);
  const fields = Object.fromEntries(response.headers);
  for (const volatile of ['date', 'etag', 'content-length'])
    Reflect.deleteProperty(fields, volatile);
  return { fields, strip: (await response.json()) as string[] };
}

for (const [name, options] of [
  ['no argument', undefined],
  ['{}', {}],
  [
    'undefined members',
    {
      hsts: undefined,
      strictTransportSecurity: undefined,
      strip: undefined,
      xPoweredBy: undefined,
    },
  ],
] as const)
  test(`without options (${name}) it is helmet and strips two fields`, async (t) => {
    const ours = await ask(t, securityHeaders(options as SecurityHeadersOptions));
    const helmets = await ask(t, helmet());
    assert.deepEqual(ours.fields, helmets.fields);
    assert.equal(ours.fields['x-powered-by'], undefined);
    assert.deepEqual(ours.strip, ['server', 'x-powered-by']);
  });

for (const options of [
  { contentSecurityPolicy: false },
  { contentSecurityPolicy: { directives: { 'script-src': ["'self'", 'cdn.example'] } } },
  {
    contentSecurityPolicy: {
      useDefaults: false,
      reportOnly: true,
      directives: { defaultSrc: ["'none'"] },
    },
  },
  { crossOriginEmbedderPolicy: true },
  { hsts: { maxAge: 60, preload: true } },
  { strictTransportSecurity: false },
  { frameguard: { action: 'deny' } },
  { referrerPolicy: { policy: ['origin', 'unsafe-url'] } },
  { hidePoweredBy: false },
  { xXssProtection: false, noSniff: false, ieNoOpen: false, dnsPrefetchControl: { allow: true } },
  { permittedCrossDomainPolicies: { permittedPolicies: 'all' }, originAgentCluster: false },
] satisfies Parameters<typeof helmet>[0][])
  test(`hands ${JSON.stringify(options)} to helmet as it is`, async (t) => {
    const ours = await ask(t, securityHeaders(options));
    const helmets = await ask(t, helmet(options));
    assert.deepEqual(ours.fields, helmets.fields);
  });

test("helmet's functions in directives and its symbol arrive", async (t) => {
  const options: SecurityHeadersOptions = {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': helmet.contentSecurityPolicy.dangerouslyDisableDefaultSrc,
        'script-src': [(req) => `host-${String(req.headers.host?.length)}.example`],
      },
    },
  };
  const { fields } = await ask(t, securityHeaders(options));
  assert.match(fields['content-security-policy'] ?? '', /^script-src host-\d+\.example$/);
});

test("a policy that fails at run time reaches Express' error handler", async (t) => {
  const app = express();
  app.use(
    securityHeaders({
      contentSecurityPolicy: { directives: { 'script-src': [() => 'a; script-src *'] } },
    }),
  );
  app.use((error: Error, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) next(error);
    else res.status(500).send(error.message);
  });
  const { url } = await listen(t, app);
  const response = await fetch(url);
  assert.equal(response.status, 500);
  assert.match(await response.text(), /invalid directive value/);
});

for (const [strip, expected] of [
  [[], []],
  [['Server'], ['server']],
  [
    ['X-AspNet-Version', 'server', 'SERVER'],
    ['x-aspnet-version', 'server'],
  ],
] as const)
  test(`strip ${JSON.stringify(strip)}`, async (t) => {
    assert.deepEqual((await ask(t, securityHeaders({ strip }))).strip, expected);
  });

test('two mounts strip what either names', async (t) => {
  const { strip } = await ask(
    t,
    securityHeaders({ strip: ['server'] }),
    securityHeaders({ strip: ['via'] }),
  );
  assert.deepEqual(strip, ['server', 'via']);
});

test('the options stay as they were', () => {
  const options = Object.freeze({
    strip: Object.freeze(['Server']),
    hsts: Object.freeze({ maxAge: 1 }),
  });
  securityHeaders(options);
  assert.deepEqual(options, { strip: ['Server'], hsts: { maxAge: 1 } });
});

for (const [options, problem] of [
  [
    { contentSecurityPolcy: false },
    /unknown option 'contentSecurityPolcy'; did you mean 'contentSecurityPolicy'\?/,
  ],
  [{ xframeoptions: true }, /unknown option 'xframeoptions'; did you mean 'xFrameOptions'\?/],
  [
    { frameguard: 'deny' },
    /frameguard: 'deny' is not allowed; use true, false or an object with helmet's options/,
  ],
  [{ contentSecurityPolicy: null }, /contentSecurityPolicy: null is not allowed/],
  [{ noSniff: {} }, /noSniff: an object is not allowed; use true or false/],
  [{ frameguard: { action: 'allow' } }, /X-Frame-Options received an invalid action "allow"/],
  [{ hsts: { maxage: 5 } }, /Strict-Transport-Security received an unsupported property, `maxage`/],
  [{ hsts: true, strictTransportSecurity: true }, /specified twice/],
  [{ contentSecurityPolicy: { directives: { 'script-src': ['self'] } } }, /should be quoted/],
  [{ strip: 'server' }, /strip: 'server' is not allowed; use an array/],
  [{ strip: ['server', 'x y'] }, /strip.1: 'x y' is no field name; use one such as 'server'/],
  [{ strip: [''] }, /strip.0: '' is no field name/],
  [
    { strip: ['Content-Length'] },
    /strip.0: 'content-length' says how to read the message.*leave it out/,
  ],
  [{ strip: [5] }, /strip.0: 5 is no field name/],
  [null, /null is not allowed; use an object/],
] as const)
  test(`refuses ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => securityHeaders(options as unknown as SecurityHeadersOptions),
      (error) =>
        error instanceof OptionsError &&
        problem.test(error.message) &&
        error.message.startsWith('securityHeaders: '),
    );
  });

test('tells all problems at once', () => {
  assert.throws(
    () =>
      securityHeaders({
        strip: ['x y'],
        hstss: true,
        xPoweredBy: 1,
      } as unknown as SecurityHeadersOptions),
    (error) => error instanceof OptionsError && error.problems.length === 3,
  );
});

test('is a named, tagged gate', () => {
  const handler = securityHeaders();
  assert.equal(handler.name, 'securityHeaders');
  const tag = (handler as unknown as Record<symbol, { kind: string }>)[
    Symbol.for('sekisho.middleware')
  ];
  assert.equal(tag?.kind, 'gate');
});
