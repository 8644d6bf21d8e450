import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type Request } from 'express';
import fc from 'fast-check';
import { z } from 'zod';
import { OptionsError } from '../../../lib/core/errors.ts';
import { parseOptions } from '../../../lib/core/options.ts';
import type { Server } from '../../../lib/core/upstream/server.ts';
import { Affinity, stickyField, type StickyOptions } from '../../../lib/core/upstream/sticky.ts';
import { listen } from '../../support/servers.ts';
import { candidate, candidates, requestOf } from './balancing/candidates.ts';

const secret = 'correct horse battery staple';
const schema = z.strictObject({ sticky: stickyField() });
const parse = (sticky: unknown) => parseOptions('upstream', schema, { sticky }).sticky;

function affinity(options: StickyOptions = {}, upstream = 'images'): Affinity {
  return new Affinity(parse({ secret, ...options }), upstream);
}

function request(cookie?: string, secure = false): Request {
  return requestOf({ headers: { cookie }, secure });
}

/** What a browser sends after this Set-Cookie. */
function sent(setCookie: string): string {
  return setCookie.slice(0, setCookie.indexOf(';'));
}

function tokenOf(sticky: Affinity, server: Server): string {
  return sent(sticky.setCookie(request(), server)).slice(sticky.cookieName.length + 1);
}

test('the cookie brings the client back to its server, over a real connection', async (t) => {
  const servers = candidates({}, {}, {});
  const sticky = affinity();
  const app = express().use((req, res) => {
    const found = sticky.find(req, servers);
    if (found === undefined) res.setHeader('set-cookie', sticky.setCookie(req, servers[1]!));
    res.send(typeof found === 'object' ? found.name : String(found));
  });
  const { url } = await listen(t, app);
  const first = await fetch(url);
  assert.equal(await first.text(), 'undefined');
  const [cookie] = first.headers.getSetCookie();
  const again = await fetch(url, { headers: { cookie: `a=1; ${sent(cookie!)}; b=2` } });
  assert.equal(await again.text(), 'server-1:80');
});

for (const [secure, end] of [
  [false, '; Path=/; HttpOnly; SameSite=Lax'],
  [true, '; Path=/; HttpOnly; SameSite=Lax; Secure'],
] as const)
  test(`the cookie's attributes when the request is ${secure ? '' : 'not '}secure`, () => {
    const [server] = candidates({});
    const setCookie = affinity({ cookie: 'bound' }).setCookie(request(undefined, secure), server!);
    assert.match(setCookie, /^bound=[\w-]{22};/);
    assert.equal(setCookie.slice(setCookie.indexOf(';')), end);
  });

const servers = candidates({}, {});
const token = tokenOf(affinity(), servers[0]!);
const other = tokenOf(affinity(), servers[1]!);
const strange = 'A'.repeat(22);

for (const [what, cookie, expected] of [
  ['no Cookie field', undefined, undefined],
  ['an empty field', '', undefined],
  ['other cookies only', 'a=1; b=2', undefined],
  ['our cookie alone', `sekisho=${token}`, servers[0]],
  ['our cookie among others', `a=1;sekisho=${token};b=2`, servers[0]],
  ['white space around', ` a=1 ;\t sekisho=${token} `, servers[0]],
  ['a name that ends in ours', `xsekisho=${token}; -sekisho=${token}`, undefined],
  ['a name that begins with ours', `sekishox=${token}; sekisho`, undefined],
  ['our name in a value', `a=sekisho=${token}`, undefined],
  ['our name in other case', `Sekisho=${token}`, undefined],
  ['a look-alike before ours', `sekisho2=x; xsekisho=${other}; sekisho=${token}`, servers[0]],
  ['the cookie twice', `sekisho=${token}; sekisho=${other}`, undefined],
  ['the same cookie twice', `sekisho=${token}; sekisho=${token}`, undefined],
  ['no value', 'sekisho=', undefined],
  ['quotes', `sekisho="${token}"`, undefined],
  ['garbage', 'sekisho=%00<script>', undefined],
  ['a value cut short', `sekisho=${token.slice(1)}`, undefined],
  ['a value too long', `sekisho=${token}x`, undefined],
  ['an oversized value', `sekisho=${`${strange}.`.repeat(8)}${token}`, undefined],
  ['a token nobody issued', `sekisho=${strange}`, 'unknown-cookie'],
  ['a token of another pool before ours', `sekisho=${strange}.${token}`, servers[0]],
] as const)
  test(`${what}: ${typeof expected === 'object' ? 'finds the server' : String(expected)}`, () => {
    assert.equal(affinity().find(request(cookie), servers), expected);
  });

test('whatever the Cookie field says, only a token of ours finds a server', () => {
  const sticky = affinity();
  const piece = fc.constantFrom(
    'sekisho',
    '=',
    ';',
    ' ',
    ',',
    '"',
    '.',
    token.slice(0, 9),
    strange,
    '\0',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      assert.ok(
        ['unknown-cookie', undefined].includes(
          sticky.find(request(pieces.join('')), servers) as never,
        ),
      );
    }),
  );
});

test('the token tells neither the server nor the pool, and is the same for every client and process', () => {
  assert.doesNotMatch(token, /server|images|80/);
  assert.doesNotMatch(Buffer.from(token, 'base64url').toString('latin1'), /server|images/);
  assert.equal(tokenOf(affinity(), candidates({})[0]!), token);
});

for (const [what, stranger] of [
  ['secret', affinity({ secret: 'another secret of ours' })],
  ['pool', affinity({}, 'blog')],
] as const)
  test(`a token of another ${what} is not taken for ours`, () => {
    const cookie = sent(stranger.setCookie(request(), servers[0]!));
    assert.equal(affinity().find(request(cookie), servers), 'unknown-cookie');
  });

test('without a secret every pool makes up its own', () => {
  const [one, two] = [parse(true), parse({})];
  assert.notEqual(one.secret, two.secret);
  assert.ok(one.secret.length >= 32);
});

test('a pool and server name cannot be shifted into each other', () => {
  const one = tokenOf(affinity({}, 'a'), candidate('http://b/'));
  assert.notEqual(one, tokenOf(affinity({}, 'ahttp://b'), candidate('http://b/')));
  assert.notEqual(
    tokenOf(affinity(), candidate('http://b/x')),
    tokenOf(affinity(), candidate('http://b/y')),
  );
});

test('added servers are found, removed ones are not', () => {
  const sticky = affinity();
  const [one, two, three] = candidates({}, {}, {});
  const cookie = request(sent(sticky.setCookie(request(), three!)));
  assert.equal(sticky.find(cookie, [one!, two!]), 'unknown-cookie');
  assert.equal(sticky.find(cookie, [one!, two!, three!]), three);
  assert.equal(sticky.find(cookie, [one!, two!]), 'unknown-cookie');
  assert.equal(sticky.find(cookie, []), 'unknown-cookie');
});

test('two pools that share a cookie both find their server, and moving leaves the other alone', () => {
  const images = affinity({}, 'images');
  const blog = affinity({}, 'blog');
  let cookie = sent(images.setCookie(request(), servers[0]!));
  assert.equal(blog.find(request(cookie), servers), 'unknown-cookie');
  cookie = sent(blog.setCookie(request(cookie), servers[0]!));
  assert.equal(images.find(request(cookie), servers), servers[0]);
  assert.equal(blog.find(request(cookie), servers), servers[0]);

  cookie = sent(images.setCookie(request(cookie), servers[1]!));
  assert.equal(images.find(request(cookie), servers), servers[1]);
  assert.equal(blog.find(request(cookie), servers), servers[0]);
  assert.equal(cookie.split('.').length, 2);
});

test('the cookie stays bounded however many pools share it', () => {
  let cookie = '';
  for (let pool = 0; pool < 20; pool++)
    cookie = sent(affinity({}, `pool-${pool}`).setCookie(request(cookie), servers[0]!));
  assert.equal(cookie.split('.').length, 8);
  assert.equal(affinity({}, 'pool-19').find(request(cookie), servers), servers[0]);
});

test('the defaults', () => {
  for (const sticky of [true, {}, { cookie: undefined, secret: undefined, onFailure: undefined }]) {
    const { cookie, onFailure } = parse(sticky);
    assert.deepEqual({ cookie, onFailure }, { cookie: 'sekisho', onFailure: 'redistribute' });
  }
});

for (const [sticky, message] of [
  ['yes', "sticky: 'yes' is not allowed; use true or an object such as { cookie: 'sekisho' }"],
  [
    { cookie: 'a b' },
    "sticky.cookie: 'a b' is no cookie name; use letters, digits, '-' and '_' such as 'sekisho'",
  ],
  [
    { cookie: '' },
    "sticky.cookie: '' is no cookie name; use letters, digits, '-' and '_' such as 'sekisho'",
  ],
  [
    { cookie: 'a=b' },
    "sticky.cookie: 'a=b' is no cookie name; use letters, digits, '-' and '_' such as 'sekisho'",
  ],
  [
    { cookie: 'a\r\nb' },
    "sticky.cookie: 'a b' is no cookie name; use letters, digits, '-' and '_' such as 'sekisho'",
  ],
  [
    { secret: 'hunter2' },
    'sticky.secret: a secret of 7 characters is not allowed; use a string of at least 16 random characters',
  ],
  [
    { secret: 42 },
    'sticky.secret: a secret of type number is not allowed; use a string of at least 16 random characters',
  ],
  [
    { onFailure: 'rejct' },
    "sticky.onFailure: 'rejct' is not allowed; use one of 'redistribute', 'reject'; did you mean 'reject'?",
  ],
  [{ cokie: 'a' }, "sticky: unknown option 'cokie'; did you mean 'cookie'?"],
] as const)
  test(`refuses ${JSON.stringify(sticky)}`, () => {
    assert.throws(
      () => parse(sticky),
      (error) => {
        assert.ok(error instanceof OptionsError);
        assert.deepEqual(error.problems, [message]);
        return true;
      },
    );
  });
