import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { chromium, type Page } from 'playwright-core';
import { authGate } from '../../lib/auth-gate/index.ts';
import { useClock } from '../../lib/core/clock.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { securityHeaders } from '../../lib/security-headers/index.ts';
import { startProvider } from '../support/oidc-provider.ts';
import { listen } from '../support/servers.ts';

const executablePath =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  ) ?? '';
const skip =
  executablePath !== '' || process.env.CI === 'true'
    ? false
    : 'needs chromium: apt-get install chromium';

interface Portal {
  readonly page: Page;
  readonly url: string;
  readonly issuer: string;
  pass(milliseconds: number): void;
}

/** A gateway with helmet's fields and two applications behind, by the name `localhost`; and a browser. */
async function portal(t: TestContext): Promise<Portal> {
  assert.ok(executablePath !== '', 'needs chromium: apt-get install chromium');
  let ahead = 0;
  t.after(useClock({ now: () => Date.now() + ahead }));
  const hub = await startProvider(t);
  const site = (name: string) =>
    listen(t, (req, res) => {
      res.setHeader('Content-Type', 'text/html');
      res.end(
        `<title>${name}</title><h1>${name}</h1><p id="user">${String(req.headers['x-forwarded-user'])}</p>
        <p id="cookie">${req.headers.cookie ?? 'none'}</p><a href="/oauth2/logout">log out</a>
        <form method="post" action="/oauth2/logout"><button>Log out</button></form>`,
      );
    });
  const [wiki, shop] = [await site('wiki'), await site('shop')];
  const app = express();
  const { port } = await listen(t, app);
  const url = `http://localhost:${port}`;
  const gate = authGate({
    oidc: {
      issuer: hub.issuer,
      ...hub.client(url),
      allowInsecure: true,
      postLogoutRedirect: '/bye',
      session: { secret: 'a secret for browsers that is long enough', maxAge: '1 hour' },
    },
    identityHeaders: true,
  });
  t.after(() => gate.close());
  // Over http browsers would be told to ask for everything by https.
  const directives = { 'upgrade-insecure-requests': null };
  app.use(securityHeaders({ contentSecurityPolicy: { directives } }));
  app.get('/bye', (_req, res) => void res.send('<h1>goodbye</h1>'));
  app.use(gate);
  app.use('/wiki', balancedProxy(wiki.url));
  app.use('/shop', balancedProxy(shop.url));
  app.use(errorPages());

  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox'],
    timeout: 120_000,
  });
  t.after(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  return { page, url, issuer: hub.issuer, pass: (milliseconds) => void (ahead += milliseconds) };
}

async function logIn({ page, issuer }: Portal, user: string): Promise<void> {
  assert.ok(page.url().startsWith(issuer), page.url());
  await page.fill('input[name=login]', user);
  await page.fill('input[name=password]', 'whatever');
  await page.click('button[type=submit]');
  await page.click('button[type=submit]');
}

async function shows({ page }: Portal, title: string, user: string): Promise<void> {
  await page.waitForSelector('#user');
  assert.equal(await page.title(), title);
  assert.equal(await page.textContent('#user'), user);
  assert.equal(await page.textContent('#cookie'), 'none');
}

test('Chromium logs in once for two applications, and out of both', { skip }, async (t) => {
  const one = await portal(t);
  const { page, url, issuer } = one;
  await page.goto(`${url}/wiki/start?id=1#part`);
  await logIn(one, 'mia');
  await shows(one, 'wiki', 'mia');
  assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, '/wiki/start?id=1');

  const visited: string[] = [];
  page.on('request', (request) => void visited.push(new URL(request.url()).origin));
  await page.goto(`${url}/shop/`);
  await shows(one, 'shop', 'mia');
  assert.ok(!visited.includes(issuer), 'the second application needs no login');

  const cookies = await page.context().cookies(url);
  const session = cookies.find(({ name }) => name === 'sekisho-session');
  assert.ok(session?.httpOnly);
  assert.equal(session.sameSite, 'Lax');
  assert.equal(await page.evaluate('document.cookie'), '');
  const status = await page.evaluate("fetch('/wiki/api').then((answer) => answer.status)");
  assert.equal(status, 200);

  // helmet's form-action 'self' is on this page, and the provider is another origin.
  await page.click('form button');
  await page.waitForSelector('button[name=logout], button[value=yes]');
  assert.ok(page.url().startsWith(issuer));
  await page.click('button[value=yes]');
  await page.waitForSelector('h1');
  assert.equal(page.url(), `${url}/bye`);
  assert.equal(await page.textContent('h1'), 'goodbye');
  const after = await page.evaluate("fetch('/wiki/api').then((answer) => answer.status)");
  assert.equal(after, 401, 'a script is not sent to a login page');
  await page.goto(`${url}/shop/`);
  assert.ok(page.url().startsWith(issuer));
});

test('Chromium logs out by a link of ours, not by one of another site', { skip }, async (t) => {
  const one = await portal(t);
  const { page, url } = one;
  await page.goto(`${url}/wiki/`);
  await logIn(one, 'mia');
  await shows(one, 'wiki', 'mia');
  const evil = await listen(t, (_req, res) => {
    res.setHeader('Content-Type', 'text/html');
    res.end(`<a href="${url}/oauth2/logout">win a prize</a>`);
  });
  await page.goto(evil.url);
  await page.click('a');
  await page.waitForSelector('h1');
  assert.equal(await page.textContent('h1'), 'Log out?');
  await page.goto(`${url}/wiki/`);
  await shows(one, 'wiki', 'mia');
  await page.click('a');
  await page.waitForSelector('button[value=yes]');
  await page.click('button[value=yes]');
  await page.waitForSelector('h1');
  assert.equal(await page.textContent('h1'), 'goodbye');

  // The question of before, answered with yes.
  await page.goto(`${url}/wiki/`);
  await logIn(one, 'mia');
  await shows(one, 'wiki', 'mia');
  await page.goto(evil.url);
  await page.click('a');
  await page.click('form[action="/oauth2/logout"] button');
  await page.waitForSelector('button[value=yes]');
  assert.ok(page.url().startsWith(one.issuer));
});

test(
  'Chromium has to come by the provider again when the session has expired',
  { skip },
  async (t) => {
    const one = await portal(t);
    const { page, url, issuer } = one;
    await page.goto(`${url}/wiki/`);
    await logIn(one, 'mia');
    await shows(one, 'wiki', 'mia');
    one.pass(3_600_000);
    const status = await page.evaluate("fetch('/wiki/api').then((answer) => answer.status)");
    assert.equal(status, 401);
    const visited: string[] = [];
    page.on('request', (request) => void visited.push(new URL(request.url()).origin));
    await page.goto(`${url}/wiki/`);
    // The provider knows her still: it redirects without asking.
    await shows(one, 'wiki', 'mia');
    assert.ok(visited.includes(issuer));
    await page.context().clearCookies();
    await page.goto(`${url}/wiki/`);
    await page.waitForSelector('input[name=login]');
  },
);
