/** What was found in the head of a request is not in its record either. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import express from 'express';
import { accessLog } from '../../lib/access-log/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import type { Transaction } from '../../lib/core/transaction.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { egressGuard } from '../../lib/egress-guard/index.ts';
import { listen, until } from '../support/servers.ts';

/** Of Amazon's documentation. */
const secret = 'AKIAIOSFODNN7EXAMPLE';
const escaped = '%41KIAIOSFODNN7%45XAMPLE';

for (const mode of ['monitor', 'block'] as const)
  for (const [where, path, headers, target] of [
    ['the query', `/a?b=1&k=${secret}&c=${secret}`, {}, '/a?***'],
    ['a query with escapes', `/a?k=${escaped}`, {}, '/a?***'],
    ['a query behind escapes', `/%3f%3f?k=${secret}`, {}, '/%3f%3f?***'],
    ['the path', `/a/${secret}/b?c=1`, {}, '/***'],
    ['path and query', `/${secret}?k=ghp_${'a1B2'.repeat(9)}`, {}, '/***'],
    ['the Referer', '/a?b=1', { referer: `http://a.example/?k=${secret}` }, '/a?b=1'],
    ['the User-Agent', '/a?b=1', { 'user-agent': `agent ${secret}` }, '/a?b=1'],
    ['no part', '/a?b=1', {}, '/a?b=1'],
  ] as const)
    test(`a secret in ${where} is not in the record, nor in the log (${mode})`, async (t) => {
      const lines: string[] = [];
      const records: Transaction[] = [];
      const guard = egressGuard({ mode });
      t.after(() => {
        guard.close();
      });
      const app = express();
      const stream = new PassThrough().on('data', (line: Buffer) => lines.push(line.toString()));
      app.use(accessLog({ format: 'combined', stream }));
      app.use((req, _res, next) => {
        records.push(contextOf(req).transaction);
        next();
      });
      app.use(guard);
      app.use((_req, res) => void res.send('ok'));
      app.use(errorPages());
      const { port } = new URL((await listen(t, app)).url);
      request({ host: '127.0.0.1', port, path, headers, agent: false })
        .on('response', (answer) => answer.resume())
        .end();
      await until(() => lines.length > 0, 'the line in the log');
      const logged = lines.join('') + JSON.stringify(records);
      for (const found of [secret, escaped, 'ghp_']) assert.ok(!logged.includes(found), logged);
      assert.equal(records[0]?.target, target);
    });
