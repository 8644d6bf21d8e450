import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import express from 'express';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { listen } from '../../support/servers.ts';

test('a connection on which one user has logged in by NTLM carries nobody else’s requests', async (t) => {
  const loggedIn = new WeakSet<Socket>();
  const server = await listen(t, (req, res) => {
    if (req.headers.authorization !== undefined) loggedIn.add(req.socket);
    res.end(loggedIn.has(req.socket) ? 'for alice' : 'for nobody');
  });
  const proxy = balancedProxy(server.url);
  t.after(() => proxy.close());
  const gateway = await listen(t, express().use(proxy));
  const ask = async (headers: Record<string, string> = {}): Promise<string> =>
    (await fetch(gateway.url, { headers })).text();
  assert.equal(await ask(), 'for nobody');
  assert.equal(await ask({ authorization: 'NTLM TlRMTVNTUAADAAAA' }), 'for alice');
  for (let n = 0; n < 5; n++) assert.equal(await ask(), 'for nobody');
});
