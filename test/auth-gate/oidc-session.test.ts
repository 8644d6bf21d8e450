import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import fc from 'fast-check';
import { Seal } from '../../lib/auth-gate/session-seal.ts';
import { heard } from './support.ts';
import { CookieJar, startProvider } from '../support/oidc-provider.ts';
import { gateway, json, secret } from './oidc-support.ts';

const hub = await startProvider({ after });
const another = 'another secret for tests that is long enough as well';

for (const [what, change] of [
  ['a changed byte', (value: string) => value.slice(0, -3) + (value.endsWith('A') ? 'BBB' : 'AAA')],
  ['a changed header', (value: string) => value.replace(/^1\.[^.]*/, '1.eyJhbGciOiJub25lIn0')],
  ['one half', (value: string) => value.slice(0, value.length / 2)],
  ['a wrong number of chunks', (value: string) => `3${value.slice(1)}`],
  ['no number of chunks', (value: string) => value.slice(2)],
  ['nothing', () => '1.'],
  ['an oversized value', () => `1.${'A'.repeat(9000)}`],
  ['text', () => '1.{"id":"x","subject":"root"}'],
] as const)
  test(`a session cookie with ${what} is none`, async (t) => {
    const warnings = heard(t, 'sekisho:warning');
    const refusals = heard(t, 'sekisho:auth');
    const { url, jar } = await gateway(t, hub);
    await jar.visit(url);
    const good = jar.of(url).get('sekisho-session')!;
    jar.of(url).set('sekisho-session', change(good));
    assert.equal((await jar.ask(url)).status, 302);
    assert.equal((await jar.ask(url, { headers: { accept: '*/*' } })).status, 401);
    assert.deepEqual(
      refusals.map(({ outcome, reason }) => `${outcome}: ${reason}`),
      ['absent: a session that is over, or was never ours'],
    );
    assert.ok(warnings.length <= 1);
    assert.ok(!JSON.stringify([warnings, refusals]).includes(good.slice(2, 40)));
    // The browser can log in nevertheless.
    assert.equal(json(await jar.visit(url)).user, 'mia');
  });

test('a login under way is no session, nor is the session of another client', async (t) => {
  const { url, jar } = await gateway(t, hub);
  await jar.ask(url);
  const [ticket = ''] = jar.of(url).values();
  jar.of(url).set('sekisho-session', `1.${ticket}`);
  assert.equal((await jar.ask(url)).status, 302);
  await jar.visit(url);
  const other = await gateway(t, hub);
  other.jar.cookies.set(other.url, jar.of(url));
  assert.equal((await other.jar.ask(other.url)).status, 302);
});

test('a secret can be changed without logging anybody out', async (t) => {
  const first = await gateway(t, hub);
  const { url, jar, clientId } = first;
  await jar.visit(url);
  const like = { clientId, clientSecret: 'whatever' };
  const ask = async (of: string | readonly string[]): Promise<number> => {
    const later = await gateway(t, hub, { like, session: { secret: of } });
    const copy = new CookieJar();
    copy.cookies.set(later.url, jar.of(url));
    return (await copy.ask(later.url)).status;
  };
  assert.equal(await ask([another, secret]), 200);
  assert.equal(await ask(another), 302);
});

test('whatever is sealed comes out as it was, for the same purpose only', async () => {
  const seal = new Seal([secret], 'one');
  const rotated = new Seal([another, secret], 'one');
  const elsewhere = new Seal([secret], 'two');
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      const sealed = await seal.seal(value);
      assert.match(sealed, /^[\w.-]+$/);
      const same = JSON.parse(JSON.stringify(value)) as unknown;
      assert.deepEqual(await seal.open(sealed), same);
      assert.deepEqual(await rotated.open(sealed), same);
      assert.equal(await elsewhere.open(sealed), undefined);
    }),
    { numRuns: 100 },
  );
});

test('no text at all opens, and none throws', async () => {
  const seal = new Seal([secret], 'one');
  const sealed = await seal.seal({ id: 'x' });
  const texts = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.nat(sealed.length - 1), fc.constantFrom('.', 'A', '~', ''))
      .map(([at, put]) => sealed.slice(0, at) + put + sealed.slice(at + 1)),
  );
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      if (text !== sealed) assert.equal(await seal.open(text), undefined);
    }),
    { numRuns: 300 },
  );
});
