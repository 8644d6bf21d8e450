import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import type { Response } from 'express';
import { turns, until } from '../support/servers.ts';
import { begin, send, sites, statusOf } from './support.ts';

for (const [where, make] of Object.entries(sites))
  describe(`requests for one key in front of ${where}`, () => {
    test("1,000 make one upstream request, and the first client's abort does not fail the others", async (t) => {
      const waiting: Response[] = [];
      const site = await make(t, (_req, res) => void waiting.push(res));
      const path = where.includes('prefix') ? '/shop/a' : '/a';
      const first = request({ port: site.port, host: '127.0.0.1', path, agent: false });
      first.on('error', () => undefined);
      first.end();
      await until(() => site.asked.length === 1, 'the origin is asked');
      const others = Array.from({ length: 999 }, async () => send(site.port, path));
      await begun(site.port, path);
      first.destroy();
      await until(() => first.destroyed, 'the first has left');
      const [res] = waiting as [Response];
      res.set('Cache-Control', 'max-age=60').write('one ');
      setTimeout(() => res.end('answer'), 20);
      const answers = await Promise.all(others);
      assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['one answer']));
      assert.ok(answers.every(({ status, complete }) => status === 200 && complete));
      assert.equal(site.asked.length, 1);
      const stats = await site.cache.stats();
      assert.equal(stats.misses, 1);
      assert.equal(stats.hits + stats.collapsed, 999);
      assert.equal(statusOf(await send(site.port, path)), 'sekisho; hit');
    });

    test('an answer that is for one only lets the others go, and the next ones do not wait', async (t) => {
      const waiting: Response[] = [];
      const { ask, asked } = await make(t, (_req, res) => void waiting.push(res));
      const answers = [ask('/'), ask('/'), ask('/')];
      await until(() => asked.length === 1, 'one is asked for all');
      waiting.shift()?.set('Cache-Control', 'private').send('first');
      await until(() => asked.length === 3, 'the others ask for themselves');
      const late = ask('/');
      await until(() => asked.length === 4, 'nobody waits any more');
      for (const res of waiting) res.set('Cache-Control', 'private').send('own');
      assert.deepEqual((await Promise.all([...answers, late])).map(({ body }) => body).sort(), [
        'first',
        ...['own', 'own', 'own'],
      ]);
    });

    test('an answer that is to be validated each time is nobody else’s', async (t) => {
      const waiting: Response[] = [];
      const { ask, asked } = await make(t, (_req, res) => void waiting.push(res));
      const answers = [ask('/'), ask('/')];
      await until(() => asked.length === 1, 'one is asked');
      waiting.shift()?.set({ 'Cache-Control': 'no-cache', ETag: '"1"' }).send('x');
      await until(() => asked.length === 2, 'so is the other');
      waiting.shift()?.set({ 'Cache-Control': 'no-cache', ETag: '"1"' }).send('x');
      assert.deepEqual(
        (await Promise.all(answers)).map(({ status }) => status),
        [200, 200],
      );
    });

    test('those whose answer is another variant ask for themselves', async (t) => {
      const { ask, asked } = await make(t, (req, res) => {
        const language = req.get('x-lang') ?? '';
        setTimeout(
          () => res.set({ 'Cache-Control': 'max-age=60', Vary: 'X-Lang' }).send(language),
          20,
        );
      });
      const languages = ['de', 'de', 'en', 'de', 'en'];
      const answers = await Promise.all(
        languages.map(async (language) => ask('/', { headers: { 'X-Lang': language } })),
      );
      assert.deepEqual(
        answers.map(({ body }) => body),
        languages,
      );
      assert.equal(asked.length, 2);
    });

    test('who comes late gets what is there and what follows', async (t) => {
      const held: Response[] = [];
      const site = await make(t, (_req, res) => {
        res.set('Cache-Control', 'max-age=60').write('begun ');
        held.push(res);
      });
      const path = where.includes('prefix') ? '/shop/' : '/';
      const first = await begin(site.port, path);
      await until(
        () => first.chunks.length > 0,
        'the first byte comes before the origin has ended',
      );
      const late = await begin(site.port, path);
      await until(() => late.chunks.length > 0, 'it has the beginning');
      first.answer.destroy();
      held[0]?.end('and ended');
      await until(() => late.answer.complete, 'all of it');
      assert.equal(Buffer.concat(late.chunks).toString(), 'begun and ended');
      assert.match(String(late.answer.headers['cache-status']), /fwd=uri-miss; collapsed/);
      assert.equal(site.asked.length, 1);
    });

    test('a failure of the origin is everybody’s', async (t) => {
      const held: Response[] = [];
      const { ask, asked } = await make(t, (_req, res) => void held.push(res));
      const answers = [ask('/'), ask('/'), ask('/')];
      await until(() => asked.length === 1, 'asked');
      await turns();
      held[0]?.destroy();
      // The response of a handler that destroys it is the first client's own.
      const [first, ...others] = await Promise.allSettled(answers);
      assert.ok(first?.status === 'rejected' || (first?.value.status ?? 0) >= 500);
      for (const other of others)
        assert.ok(other.status === 'fulfilled' && other.value.status >= 500);
      assert.equal(asked.length, 1);
    });

    test('when all have left before the head nobody is asked on', async (t) => {
      let closed = 0;
      const site = await make(t, (_req, res) => void res.on('close', () => (closed += 1)));
      const path = where.includes('prefix') ? '/shop/' : '/';
      const clients = [0, 1].map(() =>
        request({ port: site.port, host: '127.0.0.1', path, agent: false }),
      );
      for (const client of clients) client.on('error', () => undefined).end();
      await until(() => site.asked.length === 1, 'asked');
      await turns();
      for (const client of clients) client.destroy();
      await until(() => closed === 1, 'the origin hears of it');
    });

    test('cleared while it is fetched, it is not given to those who come after', async (t) => {
      const held: Response[] = [];
      const site = await make(t, (_req, res) => void held.push(res));
      const before = site.ask('/a');
      await until(() => site.asked.length === 1, 'asked');
      await site.cache.clear();
      const after = site.ask('/a');
      await until(() => site.asked.length === 2, 'asked again');
      held[0]?.set('Cache-Control', 'max-age=60').send('old');
      held[1]?.set('Cache-Control', 'max-age=60').send('new');
      assert.deepEqual([(await before).body, (await after).body], ['old', 'new']);
      assert.equal((await site.ask('/a')).body, 'new');
    });
  });

/** Until what was sent before has been read: one connection is answered after the other's request was. */
async function begun(port: number, path: string): Promise<void> {
  await send(port, path, { headers: { 'Cache-Control': 'only-if-cached' } });
  await new Promise((resolve) => setTimeout(resolve, 300));
}
