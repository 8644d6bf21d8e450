import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test, { type TestContext } from 'node:test';
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core';
import { publish } from '../../lib/core/events.ts';
import type { DashboardOptions } from '../../lib/dashboard/index.ts';
import { startScene, type Scene } from '../dashboard/scene.ts';
import { until } from '../support/servers.ts';

const executablePath =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  ) ?? '';
const skip =
  executablePath !== '' || process.env.CI === 'true'
    ? false
    : 'needs chromium: apt-get install chromium';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Visit {
  readonly page: Page;
  readonly scene: Scene;
  /** Whatever the browser complained of: errors, refusals by the policy, requests to elsewhere. */
  readonly complaints: string[];
}

async function visit(
  t: TestContext,
  look: BrowserContextOptions = {},
  options: DashboardOptions = {},
): Promise<Visit> {
  assert.ok(executablePath !== '', 'needs chromium: apt-get install chromium');
  const scene = await startScene(t, { history: '1 minute', ...options });
  scene.load(4);
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox'],
    timeout: 120_000,
  });
  t.after(() => browser.close());
  const context = await browser.newContext({
    httpCredentials: { username: 'operator', password: 'wonderland' },
    ...look,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => void complaints.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${scene.url}/dashboard/`)) complaints.push(request.url());
  });
  await page.goto(`${scene.url}/dashboard/`);
  await page.waitForSelector('#link[data-state=live]');
  await page.waitForSelector('.pool canvas, .pool .sparkline');
  return { page, scene, complaints };
}

const text = async (page: Page, selector: string): Promise<string> =>
  (await page.textContent(selector)) ?? '';

/** The row of a server. */
const row = (page: Page, url: string): ReturnType<Page['locator']> =>
  page.locator('.servers tbody tr', { hasText: new URL(url).host });

test('the page shows what goes on, live', { skip }, async (t) => {
  const { page, scene, complaints } = await visit(t);
  assert.equal(await page.title(), 'sekisho');
  await until(
    async () => Number.parseFloat(await text(page, '#tiles .tile:nth-child(1) .value')) > 1,
    'requests are counted',
  );
  await until(
    async () => (await text(page, '#tiles .tile:nth-child(4) .value')).includes('%'),
    'hits are counted',
  );
  assert.deepEqual(await page.locator('.pool h3').allTextContents(), ['images', 'shop', 'blog']);
  assert.equal(await page.locator('.plot canvas').count(), 3);
  await until(
    async () => (await text(page, '#health')) === 'All servers take requests',
    'all are up',
  );

  scene.images[0]!.kill();
  await row(page, scene.images[0]!.url).locator('[data-state=down]').waitFor();
  await until(async () => (await text(page, '#health')) === '1 of 7 servers out', 'one is out');
  await page.locator('#events tr', { hasText: 'Health check down' }).first().waitFor();
  const heard = await text(page, '#announcement');
  assert.match(heard, /^127\.0\.0\.1:\d+ of images: (?:ejected|down)$/);

  scene.shop[1]!.failing = 0.5;
  await page.locator('#events tr', { hasText: 'Server error 500' }).first().waitFor();
  await scene.trouble();
  await page.locator('#events tr', { hasText: 'Not let in' }).first().waitFor();
  assert.doesNotMatch(await text(page, 'body'), /secret/, 'no query is shown');

  await scene.images[0]!.revive();
  await row(page, scene.images[0]!.url).locator('[data-state=up]').waitFor();
  assert.deepEqual(complaints, []);
});

const looks: Readonly<Record<string, BrowserContextOptions>> = {
  'light, English': { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  'dark, English': { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  'light, Japanese': { viewport: { width: 1024, height: 768 }, locale: 'ja-JP' },
  'on a telephone': { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
  'dark, Japanese, on a telephone': {
    viewport: { width: 360, height: 740 },
    colorScheme: 'dark',
    locale: 'ja-JP',
  },
};

for (const [name, look] of Object.entries(looks))
  test(`axe finds nothing, and nothing sticks out: ${name}`, { skip }, async (t) => {
    const { page, scene, complaints } = await visit(t, { reducedMotion: 'reduce', ...look });
    scene.images[2]!.kill();
    scene.shop[1]!.failing = 1;
    void scene.pools[1]!.drain(scene.shop[0]!.url);
    await scene.trouble();
    await page.locator('[data-state=draining]').waitFor();
    await row(page, scene.images[2]!.url).locator('[data-state=down]').waitFor();
    await page.locator('#events tr[data-level=warning]').first().waitFor();
    await page.locator('.plot summary').first().click();
    await page.locator('.plot details td').first().waitFor();
    await page.locator('td.action button').first().click();
    await page.locator('dialog').waitFor();
    const inDialog = await violations(page);
    await page.keyboard.press('Escape');
    assert.deepEqual([...inDialog, ...(await violations(page))], []);
    const sticksOut = await page.evaluate<number>(
      'document.documentElement.scrollWidth - innerWidth',
    );
    assert.ok(sticksOut <= 0, `${sticksOut} pixels`);
    assert.deepEqual(complaints, []);
  });

/** What axe finds, of any impact. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const results = await page.evaluate<{
    violations: { id: string; impact: string; nodes: { target: string[] }[] }[];
  }>('axe.run(document, { resultTypes: ["violations"] })');
  return results.violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target }) => `${impact} ${id}: ${target.join(' ')}`),
  );
}

test('whatever names and targets say, they stay text', { skip }, async (t) => {
  const { page, complaints } = await visit(t);
  const hostile = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>{time}';
  publish('sekisho:auth', {
    outcome: 'denied',
    reason: hostile,
    dryRun: false,
    name: hostile,
    client: hostile,
    method: 'GET',
    path: `/${hostile}?token=hidden`,
    requestId: 'r',
  });
  publish('sekisho:health', { upstream: hostile, server: hostile, state: 'down', reason: hostile });
  publish('sekisho:warning', { code: hostile, message: hostile });
  await page.locator('#events tr', { hasText: 'Warning' }).first().waitFor();
  await page.locator('#events .subject', { hasText: `GET /${hostile}` }).waitFor();
  assert.equal(await page.evaluate('window.pwned'), undefined);
  assert.equal(await page.locator('#events img, #events script').count(), 0);
  assert.doesNotMatch(await text(page, 'body'), /hidden/);
  assert.deepEqual(complaints, []);
});

test('a server is drained and put to work again, with the keyboard alone', { skip }, async (t) => {
  const { page, scene, complaints } = await visit(t);
  const [server] = scene.images;
  const name = new URL(server!.url).host;
  await page.getByRole('button', { name: `Drain ${name}` }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.locator('dialog');
  await dialog.waitFor();
  assert.match(await text(page, 'dialog'), new RegExp(`Give ${name} of images no new requests`));
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(scene.pools[0]!.servers[0]!.state, 'up');

  await page.keyboard.press('Enter');
  await dialog.waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const enable = page.getByRole('button', { name: `Enable ${name}` });
  await enable.waitFor();
  assert.equal(scene.pools[0]!.servers[0]!.state, 'draining');
  await page.locator('#events tr', { hasText: 'operator' }).first().waitFor();

  await enable.focus();
  await page.keyboard.press('Enter');
  await page.click('#confirm');
  await page.getByRole('button', { name: `Drain ${name}` }).waitFor();
  assert.equal(scene.pools[0]!.servers[0]!.state, 'up');
  assert.deepEqual(complaints, []);
});

test('a cache is purged after a question', { skip }, async (t) => {
  const { page, scene, complaints } = await visit(t);
  await until(async () => (await scene.pages.index()).length > 0, 'something is stored');
  await page.fill('#purge-target', '/blog');
  await page.click('#purge');
  assert.equal(await text(page, '#question'), 'Forget /blog in the cache pages?');
  await page.click('#confirm');
  await until(
    async () => /\d stored answers are forgotten/.test(await text(page, '#announcement')),
    'it is done',
  );
  assert.deepEqual(complaints, []);
});

test('without actions there is nothing to press', { skip }, async (t) => {
  const { page } = await visit(t, {}, { actions: false });
  assert.equal(await page.locator('td.action, #caches:visible').count(), 0);
});

test(
  'language, colours and what is listed can be chosen, and are remembered',
  { skip },
  async (t) => {
    const { page, scene, complaints } = await visit(t);
    await scene.trouble();
    await page.locator('#events tr', { hasText: 'Not let in' }).first().waitFor();
    await page.selectOption('#language', 'ja');
    assert.equal(await text(page, '#pools-title'), 'プール');
    assert.equal(await text(page, '#tiles .tile:nth-child(1) dt'), 'リクエスト');
    await page.locator('#events tr', { hasText: '認証' }).first().waitFor();
    assert.equal(await page.getAttribute('html', 'lang'), 'ja');
    assert.equal(await page.getAttribute('#theme', 'aria-label'), '配色');

    const ground = (): Promise<unknown> =>
      page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await ground();
    await page.selectOption('#theme', 'dark');
    assert.notEqual(await ground(), light);

    await page.check('input[value=server]');
    await page.locator('#events tr', { hasText: '認証' }).first().waitFor({ state: 'detached' });
    assert.ok((await page.locator('#events tr').count()) > 0);

    await page.reload();
    await page.waitForSelector('#link[data-state=live]');
    assert.equal(await text(page, '#pools-title'), 'プール');
    assert.notEqual(await ground(), light);
    assert.deepEqual(complaints, []);
  },
);

test('it can be held still, and goes on where things are', { skip }, async (t) => {
  const { page } = await visit(t);
  await page.click('#pause');
  await page.waitForSelector('#link[data-state=paused]');
  const before = await text(page, 'main');
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.equal(await text(page, 'main'), before);
  await page.click('#pause');
  await page.waitForSelector('#link[data-state=live]');
  await until(async () => (await text(page, 'main')) !== before, 'it goes on');
});

test('a page that has lost its server says so, and comes back by itself', { skip }, async (t) => {
  const { page, scene } = await visit(t);
  await page.context().setOffline(true);
  scene.dropStreams();
  await page.waitForSelector('#link[data-state=lost]');
  assert.equal(await text(page, '#announcement'), 'The connection is lost');
  await page.context().setOffline(false);
  await page.waitForSelector('#link[data-state=live]');
  assert.equal(await text(page, '#announcement'), 'The connection is back');
});

test('the first thing the keyboard reaches leads to the content', { skip }, async (t) => {
  const { page } = await visit(t);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.className'), 'skip');
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
  assert.notEqual(outline, 'none', 'the focus is seen');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate('document.activeElement.id'), 'main');
});

test('who wants no motion gets none, and pictures have words', { skip }, async (t) => {
  const { page } = await visit(t, { reducedMotion: 'reduce' });
  assert.equal(await page.evaluate('document.getAnimations().length'), 0);
  await page.waitForSelector(
    '.canvas[aria-label^="Requests per second, last 1 minutes. All: now"]',
  );
  const label = await page.locator('.sparkline').first().getAttribute('aria-label');
  assert.match(label ?? '', /^1 minutes: \d+ requests, \d+ failed\./);
  await page.locator('.plot summary').nth(1).click();
  const caption = page.locator('.plot details caption').nth(0);
  assert.equal(await caption.textContent(), 'Latency until the answer begins, by the minute');
});
