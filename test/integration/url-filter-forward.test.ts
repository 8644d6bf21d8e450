/** The way out with a filter before it, as curl sees it: sites by name, category and port, plain and in tunnels. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import express from 'express';
import { authGate } from '../../lib/auth-gate/index.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { urlFilter } from '../../lib/url-filter/index.ts';
import { listen } from '../support/servers.ts';
import { localAuthority } from '../support/tls.ts';

interface Way {
  /** curl's output, and the status of the answer or of the tunnel's refusal. */
  readonly curl: (...args: string[]) => Promise<{ out: string; status: number }>;
  readonly plain: number;
  readonly secure: number;
}

async function wayOut(t: TestContext): Promise<Way> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'games.txt'), 'games.example\n');
  const { port: plain } = await listen(t, (req, res) => res.end(`plain ${req.url ?? ''}`));
  const { local } = await localAuthority();
  const { port: secure } = await listen(
    t,
    createServer(local, (req, res) => res.end(`secure ${req.url ?? ''}`)),
  );
  const everybody = urlFilter({
    normalize: false,
    deny: ['evil.example', 'site.example/private', { port: 25 }],
  });
  const byUser = urlFilter({
    normalize: false,
    lists: [{ file: join(folder, 'games.txt'), format: 'domains', category: 'games' }],
    groups: [{ name: 'testers', users: ['mia'], grey: [{ category: 'games' }] }],
    page: { contact: 'helpdesk@company.example' },
  });
  t.after(() => byUser.close());
  const proxy = forwardProxy({
    ports: [plain],
    connectPorts: [secure],
    allowPrivate: ['127.0.0.1'],
    lookup: () => Promise.resolve(['127.0.0.1']),
  });
  t.after(() => proxy.close());
  const app = express();
  app.use(everybody);
  app.use(authGate({ basic: { users: { mia: 'wonderland', leo: 'builder' } } }));
  app.use(byUser, proxy, errorPages());
  const { port, server } = await listen(t, app);
  attach(server);
  return {
    plain,
    secure,
    curl: (...args) =>
      new Promise((resolve) => {
        const write = ['-sk', '-w', '\n%{http_code} %{http_connect}', '-x', `127.0.0.1:${port}`];
        execFile('curl', [...write, ...args], (_error, stdout) => {
          const [, out = '', code, connect] = /^(.*)\n(\d+) (\d+)$/s.exec(stdout) ?? [];
          resolve({ out, status: Number(code) || Number(connect) });
        });
      }),
  };
}

const [mia, leo] = ['mia:wonderland', 'leo:builder'];

for (const [what, user, url, status] of [
  ['a site', leo, 'http://site.example:PLAIN/a//b;c%2Fd?e', 200],
  ['a tunnel', leo, 'https://site.example:SECURE/a', 200],
  ['without a user', undefined, 'http://site.example:PLAIN/', 407],
  ['a denied site', leo, 'http://www.evil.example:PLAIN/', 403],
  [
    'a denied site, before anybody is asked who he is',
    undefined,
    'https://evil.example:SECURE/',
    403,
  ],
  ['a denied path', leo, 'http://site.example:PLAIN/x/%2e%2e/privat%65', 403],
  ['that path in a tunnel, where nobody sees it', leo, 'https://site.example:SECURE/private', 200],
  ['a banned category', leo, 'http://games.example:PLAIN/', 403],
  ['a banned category in a tunnel', leo, 'https://www.games.example:SECURE/', 403],
  ['a category that is grey to a group', mia, 'https://www.games.example:SECURE/', 200],
  ['a denied port', mia, 'http://site.example:25/', 403],
] as const)
  test(`${what}: ${user ?? 'nobody'} asks for ${url}: ${status}`, async (t) => {
    const { curl, plain, secure } = await wayOut(t);
    const target = url.replace('PLAIN', String(plain)).replace('SECURE', String(secure));
    const login = user === undefined ? [] : ['--proxy-user', user];
    const answer = await curl('--path-as-is', ...login, target);
    assert.equal(answer.status, status, answer.out);
    const { origin } = new URL(target);
    const kind = origin.startsWith('https') ? 'secure' : 'plain';
    if (status === 200) assert.equal(answer.out, `${kind} ${target.slice(origin.length)}`);
  });

test('a browser’s refusal is a page that says whom to ask', async (t) => {
  const { curl, plain } = await wayOut(t);
  const url = `http://games.example:${plain}/`;
  const { out, status } = await curl('--proxy-user', leo, '-H', 'Accept: text/html', url);
  assert.equal(status, 403);
  assert.match(out, /helpdesk@company\.example.*<dd>games<\/dd>/s);
});
