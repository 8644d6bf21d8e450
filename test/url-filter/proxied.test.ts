import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { urlFilter } from '../../lib/url-filter/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';
import { answerError, askRaw, filtered, heard, listFiles } from './support.ts';

for (const [options, target, status] of [
  [{ deny: ['evil.example'] }, 'http://evil.example/', 403],
  [{ deny: ['evil.example'] }, 'http://www.EVIL.example:8080/x?y', 403],
  [{ deny: ['evil.example'] }, 'http://evil.example./', 403],
  [{ deny: ['evil.example'] }, 'http://good.example/evil.example', 200],
  [{ deny: ['bücher.example'] }, 'http://xn--bcher-kva.example/', 403],
  [{ deny: ['127.0.0.1'] }, 'http://0x7f.1/', 403],
  [{ deny: ['127.0.0.1'] }, 'http://2130706433/', 403],
  [{ deny: ['[::1]'] }, 'http://[0:0::1]/', 403],
  [{ deny: [{ port: 8080 }] }, 'http://good.example:8080/', 403],
  [{ deny: [{ port: 8080 }] }, 'http://good.example/', 200],
  [{ deny: ['/admin'] }, 'http://good.example/admin/x', 403],
  [{ deny: ['good.example/private'] }, 'http://good.example/%70rivate/x', 403],
  [{ deny: ['good.example/private'] }, 'http://good.example//private', 403],
  [{ deny: ['good.example/private'] }, 'http://good.example/x/../private', 403],
  [{ deny: ['good.example/private'] }, 'http://good.example/private/../x', 403],
  [{ deny: ['good.example/private'] }, 'http://good.example', 200],
  [{ deny: ['good.example/'] }, 'http://good.example', 403],
  [{ allow: ['good.example'] }, 'http://good.example/', 200],
  [{ allow: ['good.example'] }, 'http://other.example/', 403],
  [{ methods: ['GET'] }, 'http://good.example/', 200],
  [{}, 'http://good.example/a%2Fb', 400],
  [{}, 'http://good.example/a;v=1', 400],
  [{}, 'http://good.example/C%23', 200],
  [{ normalize: { allow: ['path-parameter'] } }, 'http://good.example/a;v=1', 200],
  [{ normalize: false }, 'http://good.example/a%2Fb;v', 200],
  [{ normalize: false, deny: ['/a/b'] }, 'http://good.example/a%2Fb;v', 403],
  [{ deny: ['evil.example'], status: 404 }, 'http://evil.example/', 404],
] as const)
  test(`${JSON.stringify(options)}: GET ${target} is answered ${status}`, async (t) => {
    const { ask } = await filtered(t, options);
    // Where the client says that it goes counts, whatever Host says.
    assert.equal((await ask(target, { host: 'good.example' })).status, status);
  });

test('URLs of others stay byte for byte', async (t) => {
  const { ask } = await filtered(t);
  for (const path of ['/%7Euser//x/./y/../z?a=//', '/', '/web/http://a.example/'])
    assert.equal(
      (await ask(`http://good.example${path}`, { host: 'good.example' })).json.url,
      `//good.example:80${path}`,
    );
});

for (const [options, target, status] of [
  [{ deny: ['evil.example'] }, 'www.evil.example:443', 403],
  [{ deny: ['evil.example'] }, 'good.example:443', 200],
  [{ deny: ['evil.example:443'] }, 'evil.example:443', 403],
  [{ deny: ['evil.example:443'] }, 'evil.example:8443', 200],
  [{ deny: [{ port: 25 }] }, 'good.example:25', 403],
  [{ deny: [{ method: 'CONNECT' }] }, 'good.example:443', 403],
  [{ methods: ['GET', 'POST'] }, 'good.example:443', 403],
  [{ methods: ['CONNECT'] }, 'good.example:443', 200],
  // Nobody knows a tunnel's path: no rule of a path holds.
  [{ deny: ['good.example/private'] }, 'good.example:443', 200],
  [{ deny: [/./] }, 'good.example:443', 200],
  [{ allow: ['good.example/public'] }, 'good.example:443', 403],
  [{ allow: [{ host: 'good.example', path: '/' }] }, 'good.example:443', 200],
  [{ deny: ['/'] }, 'good.example:443', 403],
  [{ deny: ['/**'] }, 'good.example:443', 403],
] as const)
  test(`${JSON.stringify(options)}: CONNECT ${target} is answered ${status}`, async (t) => {
    const { port } = await filtered(t, options);
    const { text } = await exchangeRaw(
      port,
      `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`,
    );
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
  });

test('a refused tunnel gets a real answer, with the page and the reason in the record', async (t) => {
  const seen = heard(t, 'sekisho:filter');
  const folder = listFiles(t, { 'bad.txt': 'evil.example\n' });
  const { port } = await filtered(t, {
    lists: [{ file: `${folder}/bad.txt`, format: 'domains', category: 'malware' }],
    page: { contact: 'help@company.example' },
  });
  const head = 'CONNECT www.evil.example:443 HTTP/1.1\r\nHost: www.evil.example:443\r\n';
  const { text } = await exchangeRaw(port, `${head}\r\n`);
  assert.match(text, /^HTTP\/1\.1 403 Forbidden\r\n/);
  assert.match(text, /\r\ncontent-type: text\/html; charset=utf-8\r\n/i);
  assert.match(text, /<dd>malware<\/dd>/);
  assert.match(text, /mailto:help@company\.example/);
  assert.doesNotMatch(text, /evil\.example/);
  const [event] = seen;
  assert.deepEqual(
    [event?.outcome, event?.target, event?.category, event?.rule],
    ['denied', 'www.evil.example:443', 'malware', `malware (${folder}/bad.txt:1)`],
  );
  const json = await exchangeRaw(port, `${head}Accept: application/json\r\n\r\n`);
  assert.match(json.text, /^HTTP\/1\.1 403 .*ERR_SEKISHO_URL_DENIED/s);
});

for (const [target, url] of [
  ['http://site.example/a', '/a'],
  ['http://site.example', '/'],
] as const)
  test(`an app without a door judges ${target} by its path and host`, async (t) => {
    // Not attached: Express takes absolute-form for its own.
    const app = express();
    app.use(urlFilter({ deny: ['/denied', 'evil.example'] }));
    app.use((req, res) => {
      res.json({ url: req.path });
    });
    app.use(answerError);
    const { port } = await listen(t, app);
    assert.equal((await askRaw(port, target)).json.url, url);
    for (const [other, host, status] of [
      ['http://site.example//denied', 'site.example', 403],
      ['http://site.example/%64enied', 'site.example', 403],
      ['http://site.example/a%2fb', 'site.example', 400],
      ['http://evil.example/a', 'evil.example', 403],
      ['http://evil.example/a', 'site.example', 400],
      ['http://site.example/a', 'evil.example', 400],
      ['ftp://site.example/a', 'site.example', 400],
    ] as const)
      assert.equal((await askRaw(port, other, { host })).status, status, other);
  });
