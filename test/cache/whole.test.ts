/** Answers that come, or go, in one piece: by Node's public methods where somebody stands in the way. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHandler } from 'express';
import { sites, statusOf, type Answer } from './support.ts';

/** Waits for `finish`: then nothing is written past the response's own methods. */
const watches: RequestHandler = (_req, res, next) => {
  res.on('finish', () => undefined);
  next();
};

/** Looks at what is written, as loggers and compression do. */
const looks: RequestHandler = (_req, res, next) => {
  const writeHead = res.writeHead.bind(res);
  res.writeHead = (...given: [never]) => {
    res.setHeader('X-Looked', String(res.statusCode));
    return writeHead(...given);
  };
  next();
};

const outside: Readonly<Record<string, readonly RequestHandler[]>> = {
  nobody: [],
  'a listener': [watches],
  'a function': [looks],
};

for (const [where, make] of Object.entries(sites))
  describe(`whole answers in front of ${where}`, () => {
    for (const [who, before] of Object.entries(outside))
      for (const size of [0, 1024, 15 * 1024 + 1, 64 * 1024, 300 * 1024])
        for (const chunked of [false, true])
          test(`${size} bytes${chunked ? ' in chunks' : ''}, ${who} in the way`, async (t) => {
            const body = Buffer.alloc(size, 'abcdefghij');
            const { ask } = await make(
              t,
              (_req, res) => {
                // Its own Date: Node's and the cache's may be of two seconds.
                const date = new Date().toUTCString();
                res.set({ 'Cache-Control': 'max-age=60', Date: date }).type('text/plain');
                if (!chunked) res.send(body);
                else {
                  res.write('');
                  res.end(body);
                }
              },
              { before },
            );
            const miss = await ask('/');
            for (const method of ['GET', 'GET', 'HEAD']) {
              const hit = await ask('/', { method });
              assert.equal(statusOf(hit), 'sekisho; hit');
              assert.deepEqual(rest(hit), { ...rest(miss), 'content-length': String(size) });
              const expected = method === 'HEAD' ? '' : body.toString();
              assert.ok(hit.complete && hit.body === expected, `${hit.body.length} bytes`);
            }
            assert.equal(miss.headers['x-looked'], before[0] === looks ? '200' : undefined);
          });

    test('a function in the way that throws spoils one answer, and it is stored all the same', async (t) => {
      let throws = true;
      const { ask, asked } = await make(
        t,
        (_req, res) => void res.set('Cache-Control', 'max-age=60').send('page'),
        {
          before: [
            (_req, res, next) => {
              const end = res.end.bind(res);
              if (throws)
                res.end = () => {
                  res.end = end;
                  throw new Error('in the way');
                };
              next();
            },
          ],
        },
      );
      const spoilt = await ask('/').catch(() => undefined);
      assert.ok(spoilt === undefined || spoilt.status >= 500 || !spoilt.complete);
      throws = false;
      const hit = await ask('/');
      assert.deepEqual([statusOf(hit), hit.body], ['sekisho; hit', 'page']);
      assert.equal(asked.length, 1);
    });
  });

function rest({ headers }: Answer): object {
  const others = { ...headers };
  for (const name of ['age', 'connection', 'keep-alive', 'cache-status', 'transfer-encoding'])
    Reflect.deleteProperty(others, name);
  return others;
}
