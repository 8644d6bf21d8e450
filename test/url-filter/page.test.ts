import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { blockPage } from '../../lib/url-filter/page.ts';
import { pageField, type ParsedPage } from '../../lib/url-filter/page-options.ts';
import { securityHeaders } from '../../lib/security-headers/index.ts';
import { filtered, heard } from './support.ts';

const html = { fields: ['Accept: text/html,application/xhtml+xml,*/*;q=0.8'] };

test('browsers get a page that says which policy it was and whom to ask', async (t) => {
  const { ask } = await filtered(t, {
    groups: [{ name: 'Pupils & guests', deny: ['/games'] }],
    page: {
      title: 'Not here',
      message: 'Lessons first.',
      contact: 'it@school.example',
      lang: 'en-GB',
    },
  });
  const { status, text, body } = await ask('/games', html);
  assert.equal(status, 403);
  for (const field of [
    /^content-type: text\/html; charset=utf-8\r$/im,
    /^cache-control: no-store\r$/im,
    /^vary: Accept\r$/im,
    /^x-content-type-options: nosniff\r$/im,
    /^proxy-status: sekisho; error=http_request_denied\r$/im,
    /^content-security-policy: default-src 'none'; style-src 'sha256-/im,
  ])
    assert.match(text, field);
  const id = /^x-request-id: ([\w-]+)\r$/im.exec(text)?.[1];
  for (const part of [
    '<html lang="en-GB">',
    '<title>Not here</title>',
    '<h1>Not here</h1>',
    '<p>Lessons first.</p>',
    '<a href="mailto:it@school.example">it@school.example</a>',
    '<dd>Pupils &amp; guests</dd>',
    `<dd>${id}</dd>`,
  ])
    assert.ok(body.includes(part), `${part} in ${body}`);
});

test('nothing that the client has sent is on the page', async (t) => {
  const { ask } = await filtered(t, { deny: ['/'] });
  const { text } = await ask('/probe-path/<script>?probe-query', {
    host: 'probe-host.example',
    fields: [
      ...html.fields,
      'Referer: probe-referer',
      'User-Agent: probe-agent',
      'X-Request-Id: probe-id',
    ],
  });
  assert.match(text, /^HTTP\/1\.1 403/);
  assert.doesNotMatch(text, /probe|script/);
});

for (const [accept, type] of [
  ['text/html', 'page'],
  ['text/html;q=0.9, application/json;q=0.5', 'page'],
  ['application/json', 'error'],
  ['application/problem+json, text/html;q=0.5', 'error'],
  ['*/*', 'error'],
  [undefined, 'error'],
] as const)
  test(`Accept ${accept}: ${type}`, async (t) => {
    const { ask } = await filtered(t, { deny: ['/'] });
    const { body, json } = await ask('/', { fields: accept ? [`Accept: ${accept}`] : [] });
    assert.equal(body.startsWith('<!doctype html>'), type === 'page');
    assert.equal(json.code, type === 'page' ? undefined : 'ERR_SEKISHO_URL_DENIED');
  });

for (const [status, page, sent] of [
  [403, undefined, true],
  [410, undefined, true],
  [404, undefined, false],
  [404, {}, true],
  [403, false, false],
] as const)
  test(`status ${status}, page ${JSON.stringify(page)}: ${sent ? 'the page' : 'the error handlers'}`, async (t) => {
    const { ask } = await filtered(t, { deny: ['/'], status, ...(page !== undefined && { page }) });
    const answer = await ask('/', html);
    assert.equal(answer.status, status);
    assert.equal(answer.body.startsWith('<!doctype html>'), sent);
  });

test('HEAD has the fields of the page and no body', async (t) => {
  const { ask } = await filtered(t, { deny: ['/'] });
  const { text, body } = await ask('/', { ...html, method: 'HEAD' });
  assert.match(text, /content-length: [1-9]/i);
  assert.equal(body, '');
});

test('a policy that the chain has set stays', async (t) => {
  const { ask } = await filtered(t, { deny: ['/'] }, (app) => app.use(securityHeaders()));
  const { text } = await ask('/', html);
  assert.equal(text.match(/content-security-policy:/gi)?.length, 1);
  assert.match(text, /default-src 'self'/);
});

test('a function makes the page, and gets nothing of the client’s', async (t) => {
  const { ask } = await filtered(t, {
    groups: [{ name: 'pupils', deny: ['/'] }],
    page: (blocked) => `<!doctype html><p>${JSON.stringify({ ...blocked, requestId: '' })}`,
  });
  const { text, body } = await ask('/', html);
  assert.equal(body, '<!doctype html><p>{"status":403,"policy":"pupils","requestId":""}');
  assert.doesNotMatch(text, /content-security-policy/i);
});

for (const [what, page] of [
  [
    'throws',
    () => {
      throw new Error('no template');
    },
  ],
  ['returns no string', () => undefined as never],
] as const)
  test(`a function that ${what} costs nobody the answer`, async (t) => {
    const warnings = heard(t, 'sekisho:warning');
    const { ask } = await filtered(t, { deny: ['/'], page });
    assert.match((await ask('/', html)).body, /<h1>This address is blocked<\/h1>/);
    assert.equal(warnings[0]?.code, 'SEKISHO_BLOCK_PAGE');
  });

for (const [contact, shown] of [
  ['the help desk, ext. 4711', 'the help desk, ext. 4711'],
  ['https://help.example/?a=1&b', '<a href="https://help.example/?a=1&amp;b">'],
  ['javascript:alert(1)', 'javascript:alert(1)'],
  ['a"><script>@x.example', 'a&quot;&gt;&lt;script&gt;@x.example'],
] as const)
  test(`contact ${contact}`, () => {
    const page = pageField().parse({ contact }) as ParsedPage;
    const text = blockPage(page, { status: 403, policy: 'p', category: '<b>', requestId: 'r' });
    assert.ok(text.includes(shown), text);
    assert.ok(!text.includes('href="javascript'));
    assert.ok(!text.includes('<script'));
    assert.ok(text.includes('<dd>&lt;b&gt;</dd>'));
  });

interface AxeResults {
  readonly violations: readonly { readonly id: string }[];
  readonly passes: readonly { readonly id: string }[];
}

const executablePath =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  ) ?? '';
const skip =
  executablePath !== '' || process.env.CI === 'true'
    ? false
    : 'needs chromium: apt-get install chromium';

for (const colorScheme of ['light', 'dark'] as const)
  test(`the page is accessible, in ${colorScheme} colours (axe)`, { skip }, async (t) => {
    assert.ok(executablePath !== '', 'needs chromium: apt-get install chromium');
    const { port } = await filtered(t, { deny: ['/'], page: { contact: 'help@site.example' } });
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    t.after(() => browser.close());
    // axe is put into the page, which its own policy forbids.
    const page = await browser.newPage({ colorScheme, bypassCSP: true });
    const answer = await page.goto(`http://127.0.0.1:${port}/`);
    assert.equal(answer?.status(), 403);
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8'));
    const { violations, passes } = await page.evaluate<AxeResults>('axe.run()');
    assert.deepEqual(
      violations.map(({ id }) => id),
      [],
    );
    assert.ok(passes.some(({ id }) => id === 'color-contrast'));
  });
