/** A cache outside of the scanner answers ranges: out of what has not been judged yet it may make no complete answer. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import express from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { virusScanner } from '../../lib/virus-scanner/index.ts';
import { eicar, noClamd, startClamd } from '../support/clamd.ts';
import { listen } from '../support/servers.ts';
import { ask, type Kind } from './support.ts';

const skip = noClamd;
const clamd = skip === false ? await startClamd({ after }) : undefined;
const size = 3 * 1024 * 1024;
const clean = randomBytes(size);
const infected = Buffer.concat([Buffer.from(eicar, 'latin1'), Buffer.alloc(size, 'x')]);

for (const kind of ['forwarder', 'handler'] as const satisfies readonly Kind[])
  for (const control of ['max-age=60', 'no-store']) {
    const url = async (t: Parameters<typeof listen>[0]): Promise<string> => {
      const origin = express().use((req, res) => {
        const body = req.path === '/clean' ? clean : infected;
        res.set({ 'Cache-Control': control, ETag: '"1"', 'Content-Length': String(body.length) });
        res.end(body);
      });
      const store = cache('1 minute');
      const scanner = virusScanner({ clamd: { socket: clamd?.socket ?? '/none' } });
      t.after(() => {
        scanner.close();
        return store.close();
      });
      const app = express();
      app.use(store, scanner);
      if (kind === 'handler') app.use(origin);
      else {
        const proxy = balancedProxy((await listen(t, origin)).url);
        t.after(() => proxy.close());
        app.use(proxy);
      }
      app.use(errorPages());
      return (await listen(t, app)).url;
    };

    for (const range of ['0-67', '0-0', '-68', '1000-', '0-1,5-6'])
      test(
        `bytes=${range} of an infected answer (${control}) of a ${kind} is no whole answer`,
        { skip },
        async (t) => {
          const got = await ask(`${await url(t)}/bad`, { headers: { range: `bytes=${range}` } });
          assert.equal(got.whole, false);
        },
      );

    test(
      `a range of a clean answer (${control}) of a ${kind} is there in the end`,
      { skip },
      async (t) => {
        const target = `${await url(t)}/clean`;
        const headers = { range: 'bytes=5-14' };
        const first = await ask(target, { headers });
        assert.deepEqual([first.status, first.whole], [200, true]);
        assert.ok(first.body.equals(clean));
        if (control === 'no-store') return;
        const second = await ask(target, { headers });
        assert.equal(second.status, 206);
        assert.ok(second.body.equals(clean.subarray(5, 15)));
      },
    );
  }
