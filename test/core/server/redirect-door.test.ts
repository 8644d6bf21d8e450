import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import test from 'node:test';
import express from 'express';
import { serve } from '../../../lib/core/server/serve.ts';
import { exchangeRaw } from '../../support/servers.ts';
import { localAuthority, serveTls } from '../../support/tls.ts';

const app = express().use((req, res) => void res.send(`the app at ${req.url}`));

const asked: { bytes: string; answer: RegExp }[] = [
  {
    bytes: 'GET /a?b=c%20d HTTP/1.1\r\nHost: Shop.example:80\r\n\r\n',
    answer: /^HTTP\/1\.1 308 [^]*\r\nLocation: https:\/\/shop\.example:PORT\/a\?b=c%20d\r\n/,
  },
  {
    bytes: 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
    answer: /^HTTP\/1\.1 308 [^]*Connection: close/,
  },
  {
    bytes: 'GET //evil.example/x HTTP/1.1\r\nHost: a\r\n\r\n',
    answer: /Location: https:\/\/a:PORT\/\/evil\.example\/x\r\n/,
  },
  {
    bytes: 'GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n',
    answer: /Location: https:\/\/a:PORT\/x\r\n/,
  },
  { bytes: 'GET http://evil.example/x HTTP/1.1\r\nHost: a\r\n\r\n', answer: /^HTTP\/1\.1 400 / },
  { bytes: 'GET /\\evil HTTP/1.1\r\nHost: a@evil.example\r\n\r\n', answer: /^HTTP\/1\.1 400 / },
  { bytes: 'GET / HTTP/1.1\r\nHost: evil.example/x\r\n\r\n', answer: /^HTTP\/1\.1 400 / },
  { bytes: 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', answer: /^HTTP\/1\.1 400 / },
  { bytes: 'GET / HTTP/1.1\r\nHost: \r\n\r\n', answer: /^HTTP\/1\.1 400 / },
  { bytes: 'GET / HTTP/1.0\r\n\r\n', answer: /^HTTP\/1\.1 400 / },
  { bytes: 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', answer: /^HTTP\/1\.1 400 / },
  {
    bytes: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    answer: /^HTTP\/1\.1 308 /,
  },
  {
    bytes: 'GET /.well-known/acme-challenge/to-ken_1 HTTP/1.1\r\nHost: a\r\n\r\n',
    answer: /^HTTP\/1\.1 200 [^]*the app at \/\.well-known\/acme-challenge\/to-ken_1$/,
  },
  {
    bytes: 'GET /.well-known/acme-challenge/../../admin HTTP/1.1\r\nHost: a\r\n\r\n',
    answer: /^HTTP\/1\.1 308 /,
  },
  {
    bytes: 'POST /.well-known/acme-challenge/token HTTP/1.1\r\nHost: a\r\n\r\n',
    answer: /^HTTP\/1\.1 308 /,
  },
  { bytes: 'no HTTP\r\n\r\n', answer: /^HTTP\/1\.1 400 / },
];

for (const { bytes, answer } of asked)
  test(`redirectFrom answers ${JSON.stringify(bytes)}`, async (t) => {
    const { port, redirectUrl } = await serveTls(t, app, { redirectFrom: 0 });
    const { text } = await exchangeRaw(Number(new URL(redirectUrl!).port), bytes);
    assert.match(text, new RegExp(answer.source.replace('PORT', String(port))));
    assert.doesNotMatch(text, /Strict-Transport-Security/i);
  });

test('httpsPort is where clients are sent, 443 goes without saying', async (t) => {
  const { redirectUrl } = await serveTls(t, app, {
    redirectFrom: { port: 0, httpsPort: 443, host: '127.0.0.1' },
  });
  const answer = await fetch(`${redirectUrl!}/x`, { redirect: 'manual' });
  assert.equal(answer.headers.get('location'), 'https://127.0.0.1/x');
});

test('the redirecting listener is closed with the rest', async (t) => {
  const { redirectUrl, close } = await serveTls(t, app, { redirectFrom: 0 });
  await close();
  await assert.rejects(fetch(redirectUrl!), /fetch failed/);
});

test('when its port is taken, nothing is left listening', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const { local } = await localAuthority();
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port: httpsPort } = free.address() as { port: number };
  await new Promise((resolve) => free.close(resolve));
  await assert.rejects(
    serve(app, { host: '127.0.0.1', port: httpsPort, tls: local, redirectFrom: port }),
    /cannot listen on 127\.0\.0\.1, port \d+: another process listens there/,
  );
  const again = createServer().listen(httpsPort, '127.0.0.1');
  await once(again, 'listening');
  again.close();
});
