import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHandler } from 'express';
import { exchangeRaw } from '../support/servers.ts';
import {
  appOf,
  directly,
  handlers,
  hesitant,
  later,
  plainly,
  sameBytes,
  wrapping,
} from './local-support.ts';

/** What stands outside of everything here. */
const outer: RequestHandler = (_req, res, next) => {
  res.set({ 'X-Outer': '1', Vary: 'Origin', 'Set-Cookie': ['outer=1'] });
  next();
};

const wrappers = { plainly, directly, later, hesitant } as const;

const requests = {
  GET: 'GET /x HTTP/1.1\r\nHost: a\r\nIf-None-Match: "e"\r\n\r\n',
  HEAD: 'HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET of HTTP/1.0': 'GET /x HTTP/1.0\r\n\r\n',
  'two pipelined': 'GET /x HTTP/1.1\r\nHost: a\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n',
} as const;

describe('the bytes to the client are those that it gets without wrapper', () => {
  for (const [what, handler] of Object.entries(handlers))
    test(what, async (t) => {
      const bare = await appOf(t, outer, handler);
      const wrapped = await Promise.all(
        Object.values(wrappers).map(async (wrapper) => appOf(t, outer, wrapping(wrapper), handler)),
      );
      const layered = await appOf(
        t,
        wrapping(plainly),
        outer,
        wrapping(directly),
        wrapping(plainly),
        handler,
      );
      await Promise.all(
        Object.entries(requests).map(async ([request, bytes]) => {
          const [expected, inLayers, ...actual] = await Promise.all(
            [bare, layered, ...wrapped].map(async ({ port }) => exchangeRaw(port, bytes)),
          );
          assert.match(expected?.text ?? '', /^HTTP\/1\.1 \d/);
          for (const [index, name] of Object.keys(wrappers).entries())
            assert.deepEqual(
              { ...actual[index], text: sameBytes(actual[index]?.text ?? '') },
              { ...expected, text: sameBytes(expected?.text ?? '') },
              `${request}, ${name}`,
            );
          assert.equal(
            lengthless(sameBytes(inLayers?.text ?? '')),
            lengthless(sameBytes(expected?.text ?? '')),
            `${request}, two layers`,
          );
        }),
      );
    });
});

/** The length that Node states by itself is stated by the inner layer, and so in another place. */
function lengthless(text: string): string {
  return text.replaceAll(/Content-Length: \d+\r\n/g, '');
}
