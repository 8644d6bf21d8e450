import assert from 'node:assert/strict';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { test, type TestContext } from 'node:test';
import { hpmFailure } from '../../../lib/core/upstream/hpm-failure.ts';
import { createAuthority } from '../../support/certificates.ts';
import { listen, listenBytes, listenRaw } from '../../support/servers.ts';
import { createServer } from 'node:https';
import { candidate } from './balancing/candidates.ts';

const server = candidate('http://a:1');
const coded = (code: string | undefined): Error => Object.assign(new Error('it failed'), { code });

for (const [code, timedOut, expected] of [
  ['ECONNREFUSED', false, 'ERR_SEKISHO_CONNECT_REFUSED'],
  ['EHOSTUNREACH', false, 'ERR_SEKISHO_CONNECT_REFUSED'],
  ['ENETUNREACH', false, 'ERR_SEKISHO_CONNECT_REFUSED'],
  ['ENOENT', false, 'ERR_SEKISHO_CONNECT_REFUSED'],
  ['ETIMEDOUT', false, 'ERR_SEKISHO_CONNECT_TIMEOUT'],
  ['ENOTFOUND', false, 'ERR_SEKISHO_DNS'],
  ['EAI_AGAIN', false, 'ERR_SEKISHO_DNS'],
  ['ECONNRESET', false, 'ERR_SEKISHO_UPSTREAM_RESET'],
  ['ECONNRESET', true, 'ERR_SEKISHO_HEADERS_TIMEOUT'],
  ['EPIPE', false, 'ERR_SEKISHO_UPSTREAM_RESET'],
  ['HPE_INVALID_CONSTANT', false, 'ERR_SEKISHO_UPSTREAM_PROTOCOL'],
  ['CERT_HAS_EXPIRED', false, 'ERR_SEKISHO_TLS'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', false, 'ERR_SEKISHO_TLS'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', false, 'ERR_SEKISHO_TLS'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', false, 'ERR_SEKISHO_TLS'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', false, 'ERR_SEKISHO_TLS'],
  ['ERR_INVALID_CHAR', false, 'ERR_SEKISHO_TARGET'],
  [undefined, false, 'ERR_SEKISHO_TARGET'],
] as const)
  test(`${code ?? 'an error without a code'}${timedOut ? ' after the timeout' : ''} is ${expected}`, () => {
    const cause = coded(code);
    const error = hpmFailure(cause, server, timedOut);
    assert.equal(error.code, expected);
    assert.equal(error.server, 'a:1');
    assert.equal(error.cause, cause);
  });

const authority = await createAuthority();

for (const [what, start, expected] of [
  ['nobody listens', () => 'http://127.0.0.1:1', 'ERR_SEKISHO_CONNECT_REFUSED'],
  [
    'the connection is reset',
    async (t) => (await listenRaw(t, (socket) => void socket.resetAndDestroy())).url,
    'ERR_SEKISHO_UPSTREAM_RESET',
  ],
  [
    'no HTTP comes back',
    async (t) => (await listenBytes(t, 'SSH-2.0-OpenSSH\r\n')).url,
    'ERR_SEKISHO_UPSTREAM_PROTOCOL',
  ],
  [
    'nobody knows the certificate',
    async (t) => {
      const secure = createServer(await authority.issue('127.0.0.1'), (_req, res) => res.end());
      return `https://127.0.0.1:${(await listen(t, secure)).port}`;
    },
    'ERR_SEKISHO_TLS',
  ],
] as [string, (t: TestContext) => string | Promise<string>, string][])
  test(`what node:http says when ${what} is ${expected}`, async (t) => {
    const url = await start(t);
    const error = await new Promise<Error>((resolve, reject) => {
      const ask = url.startsWith('https:') ? secureRequest : request;
      ask(url, () => reject(new Error('an answer')))
        .on('error', resolve)
        .end();
    });
    assert.equal(hpmFailure(error, server, false).code, expected);
  });
