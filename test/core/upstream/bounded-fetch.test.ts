import assert from 'node:assert/strict';
import test from 'node:test';
import { boundedFetch, Unreachable } from '../../../lib/core/upstream/bounded-fetch.ts';
import { listen } from '../../support/servers.ts';

const limits = { timeout: 5000, maxSize: 1000 };

test('it sends what it is given, and gives what is answered', async (t) => {
  const { url } = await listen(t, (req, res) => {
    req.setEncoding('utf8').on('data', (text: string) => {
      res.setHeader('Set-Cookie', ['a=1', 'b=2']);
      res.writeHead(201, { 'X-Asked': `${req.method ?? ''} ${String(req.headers.via)}` });
      res.end(text.toUpperCase());
    });
  });
  const answer = await boundedFetch(
    new URL(url),
    { method: 'POST', headers: { via: 'me' }, body: 'hello' },
    limits,
  );
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get('x-asked'), 'POST me');
  assert.deepEqual(answer.headers.getSetCookie(), ['a=1', 'b=2']);
  assert.equal(await answer.text(), 'HELLO');
});

for (const [what, status] of [
  ['a redirect is not followed', 302],
  ['an answer without a body has none', 204],
] as const)
  test(what, async (t) => {
    const { url } = await listen(t, (_req, res) => {
      res.writeHead(status, { Location: '/elsewhere' }).end();
    });
    const answer = await boundedFetch(new URL(url), { method: 'GET', headers: {} }, limits);
    assert.equal(answer.status, status);
  });

for (const [what, body, more, message] of [
  ['too large', 'x'.repeat(1001), {}, /: more than 1000 bytes$/],
  ['too late', undefined, { timeout: 50 }, /: no answer within 50 ms$/],
] as const)
  test(`an answer that comes ${what} is none`, async (t) => {
    const { url } = await listen(t, (_req, res) => {
      res.write('begun');
      if (body !== undefined) res.end(body);
    });
    const asked = boundedFetch(
      new URL(`${url}/path?secret=1`),
      { method: 'GET', headers: {} },
      { ...limits, ...more },
    );
    await assert.rejects(asked, (error: Error) => {
      assert.ok(error instanceof Unreachable);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });

test('nobody there is Unreachable, too', async () => {
  const asked = boundedFetch(
    new URL('http://127.0.0.1:1/'),
    { method: 'GET', headers: {} },
    limits,
  );
  await assert.rejects(asked, /^Unreachable: http:\/\/127.0.0.1:1\/: ECONNREFUSED$/);
});
