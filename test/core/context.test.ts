import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { contextOf, type Context } from '../../lib/core/context.ts';
import { listen } from '../support/servers.ts';

test('all middlewares of a request share one context, requests share none', async (t) => {
  const seen: Context[][] = [];
  const app = express();
  app.use((req, _res, next) => {
    seen.push([contextOf(req)]);
    next();
  });
  const router = express.Router();
  router.get('/x', (req, res) => {
    seen.at(-1)?.push(contextOf(req));
    res.end();
  });
  app.use('/shop', express().use(router));
  const { url } = await listen(t, app);
  for (let time = 0; time < 2; time++) assert.equal((await fetch(`${url}/shop/x`)).status, 200);
  const [first, second] = seen;
  assert.equal(first?.length, 2);
  assert.equal(first[0], first[1]);
  assert.notEqual(first[0], second?.[0]);
});

test('the record has the target as the client sent it, even when first asked for below a mount', async (t) => {
  const targets: string[] = [];
  const app = express();
  app.use('/shop', (req, res) => {
    const { method, target } = contextOf(req).transaction;
    targets.push(`${method} ${target}`);
    res.end();
  });
  const { url } = await listen(t, app);
  await fetch(`${url}/shop/a%2Fb?c`, { method: 'PUT' });
  assert.deepEqual(targets, ['PUT /shop/a%2Fb?c']);
});

test('a request of bare node:http has a context, too', async (t) => {
  let target = '';
  const { url } = await listen(t, (req, res) => {
    target = contextOf(req).transaction.target;
    res.end();
  });
  await fetch(`${url}/plain`);
  assert.equal(target, '/plain');
});

test('the id stays the same, is unique, and is no property of the request', async (t) => {
  const ids: string[] = [];
  let keys: string[] = [];
  const { url } = await listen(t, (req, res) => {
    const before = Reflect.ownKeys(req).length;
    ids.push(contextOf(req).id, contextOf(req).id);
    keys = Reflect.ownKeys(req).slice(before).map(String);
    res.end();
  });
  await fetch(url);
  await fetch(url);
  assert.match(ids[0] ?? '', /^[\da-f]{32}$/);
  assert.equal(ids[0], ids[1]);
  assert.notEqual(ids[0], ids[2]);
  assert.deepEqual(keys, []);
});

test('starts empty: no wrapper, nothing to strip, no upgrade', async (t) => {
  let context: Context | undefined;
  const { url } = await listen(t, (req, res) => {
    context = contextOf(req);
    res.end();
  });
  await fetch(url);
  assert.deepEqual(
    [context?.layers, context?.strip, context?.upgrade, context?.awaitsContinue],
    [undefined, new Set(), undefined, false],
  );
});
