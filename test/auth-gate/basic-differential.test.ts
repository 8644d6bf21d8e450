/** The same options and requests through the real express-basic-auth and through ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type Request, type Response } from 'express';
import expressBasicAuth from 'express-basic-auth';
import { authGate, type BasicOptions } from '../../lib/auth-gate/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';
import { basic } from './support.ts';

interface Answer {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

const users = { alice: 'wonderland', bob: 'builder', jürgen: 'pässwörd', pipe: 'a:b:c' };
const optionSets: Record<string, BasicOptions> = {
  users: { users, realm: 'x' },
  'realm by function': { users, realm: () => 'here' },
  'no challenge': { users, challenge: false },
  'unauthorizedResponse: string': { users, realm: 'x', unauthorizedResponse: '<b>no</b>' },
  'unauthorizedResponse: object': { users, realm: 'x', unauthorizedResponse: { a: [1, null] } },
  'unauthorizedResponse: function': {
    users,
    realm: 'x',
    unauthorizedResponse: (req: Request) => `not ${req.path}`,
  },
  authorizer: { realm: 'x', authorizer: (name, password) => name === password },
  'authorizer of numbers': {
    realm: 'x',
    authorizer: (name: string, password: string) =>
      Number(expressBasicAuth.safeCompare(name, 'alice')) &
      Number(expressBasicAuth.safeCompare(password, 'wonderland')),
  },
  authorizeAsync: {
    realm: 'x',
    authorizeAsync: true,
    authorizer: (name, password, done) =>
      setImmediate(done, null, name === 'bob' && password !== ''),
  },
};

const fields: Record<string, string | undefined> = {
  none: undefined,
  right: basic('alice', 'wonderland'),
  'another right one': basic('bob', 'builder'),
  'UTF-8': basic('jürgen', 'pässwörd'),
  'colons in the password': basic('pipe', 'a:b:c'),
  'wrong password': basic('alice', 'wonderlan'),
  'longer password': basic('alice', 'wonderlands'),
  'wrong user': basic('carol', 'wonderland'),
  'same twice': basic('x', 'x'),
  'empty both': basic('', ''),
  'lower-case scheme': basic('alice', 'wonderland').replace('Basic', 'basic'),
  'several blanks': basic('alice', 'wonderland').replace(' ', '  '),
  'no colon': 'Basic YWxpY2U=',
  'other scheme': 'Bearer abc',
  garbage: 'Basic !!!',
  'only the scheme': 'Basic',
};

/** Where they differ, and why. */
const differences: { of: string; ours: (theirs: Answer) => Answer; why: string }[] = [
  {
    of: 'challenge',
    why: 'RFC 7617 §2.1: says that names and passwords are UTF-8',
    ours: (theirs) => ({
      ...theirs,
      challenge: theirs.challenge && `${theirs.challenge}, charset="UTF-8"`,
    }),
  },
];

async function start(
  t: Parameters<typeof listen>[0],
  gate: express.RequestHandler,
): Promise<number> {
  const app = express();
  app.use(gate);
  app.use((req: Request, res: Response) => {
    res.send(`hello ${req.auth?.user ?? ''}`);
  });
  // The answer express-basic-auth gives by itself: an empty page.
  app.use((error: { status: number }, _req: Request, res: Response, next: express.NextFunction) => {
    if (res.headersSent) next(error);
    else res.status(error.status).send('');
  });
  return (await listen(t, app)).port;
}

async function ask(port: number, field: string | undefined): Promise<Answer> {
  const line = field === undefined ? '' : `Authorization: ${field}\r\n`;
  const { text } = await exchangeRaw(
    port,
    `GET /path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${line}\r\n`,
  );
  const [head = '', body = ''] = text.split('\r\n\r\n');
  return {
    status: Number(text.slice(9, 12)),
    challenge: /^www-authenticate: (.*)$/im.exec(head)?.[1]?.trim(),
    type: /^content-type: (.*)$/im.exec(head)?.[1]?.trim(),
    body,
  };
}

for (const [name, options] of Object.entries(optionSets))
  test(`${name}: as express-basic-auth, but for what is listed`, async (t) => {
    const gate = authGate({ basic: options });
    t.after(() => gate.close());
    const ours = await start(t, gate);
    const theirs = await start(
      t,
      expressBasicAuth({
        challenge: true,
        ...options,
      } as expressBasicAuth.BasicAuthMiddlewareOptions),
    );
    for (const [what, field] of Object.entries(fields)) {
      const expected = differences.reduce(
        (answer, { ours: change }) => change(answer),
        await ask(theirs, field),
      );
      assert.deepEqual(await ask(ours, field), expected, what);
    }
  });

for (const [what, why, options, field, theirStatus, ourStatus] of [
  [
    'an async function as authorizer',
    'a promise is truthy: express-basic-auth lets everybody in, we await it',
    { authorizer: () => Promise.resolve(false) },
    basic('mallory', 'x'),
    200,
    401,
  ],
  [
    'base64 with garbage in it',
    'strict: what two readers could read differently is refused, express-basic-auth skips it',
    { users: { alice: 'wonderland' } },
    basic('alice', 'wonderland').replace('=', '.='),
    200,
    401,
  ],
  [
    'base64 without padding',
    'strict: express-basic-auth takes it',
    { users: { alice: 'wonderland' } },
    basic('alice', 'wonderland').replace(/=+$/, ''),
    200,
    401,
  ],
  [
    'a control character',
    'RFC 7617 §2 forbids it, and in a log it forges lines',
    { authorizer: () => true },
    basic('al\tice', 'x'),
    200,
    401,
  ],
  [
    'a user inherited from the prototype',
    'express-basic-auth walks the prototype chain',
    {
      users: Object.create(
        { ghost: 'boo' },
        { a: { value: 'b', enumerable: true } },
      ) as typeof users,
    },
    basic('ghost', 'boo'),
    200,
    401,
  ],
] satisfies [string, string, BasicOptions, string, number, number][])
  test(`they differ on purpose: ${what} (${why})`, async (t) => {
    const gate = authGate({ basic: options });
    t.after(() => gate.close());
    const ours = await start(t, gate);
    const theirs = await start(
      t,
      expressBasicAuth(options as expressBasicAuth.BasicAuthMiddlewareOptions),
    );
    assert.equal((await ask(theirs, field)).status, theirStatus);
    assert.equal((await ask(ours, field)).status, ourStatus);
  });

test('they differ on purpose: req.auth of ours has no password', async (t) => {
  const gate = authGate({ basic: { users } });
  t.after(() => gate.close());
  const seen: unknown[] = [];
  for (const handler of [gate, expressBasicAuth({ users })]) {
    const app = express();
    app.use(handler, (req: Request, res: Response) => {
      seen.push(Object.keys(req.auth ?? {}).includes('password'));
      res.end();
    });
    const { url } = await listen(t, app);
    await fetch(url, { headers: { authorization: basic('bob', 'builder') } });
  }
  assert.deepEqual(seen, [false, true]);
});
