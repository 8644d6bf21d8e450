/** What an operator is told of certificates whose time is over, or soon will be. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { useClock } from '../../../lib/core/clock.ts';
import type { Certificate } from '../../support/certificates.ts';
import { until } from '../../support/servers.ts';
import { localAuthority, serveTls, tlsClient } from '../../support/tls.ts';

const app = express();
const hour = 3_600_000;
const day = 24 * hour;
const { ca } = await localAuthority();

/** So many days from now. */
function inDays(days: number): Date {
  return new Date(Date.now() + days * day);
}

function warnings(t: TestContext): string[] {
  const seen: string[] = [];
  const listener = (warning: Error & { code?: string }): void => {
    if (warning.code === 'SEKISHO_CERTIFICATE') seen.push(warning.message);
  };
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  return seen;
}

/** In files of its own, since the same warning is not given twice a minute. */
function stored(t: TestContext, { cert, key }: Certificate): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-certificate-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const paths = { cert: join(folder, 'site.pem'), key: join(folder, 'site.key') };
  writeFileSync(paths.cert, cert);
  writeFileSync(paths.key, key);
  return paths;
}

for (const [what, validity, options, message] of [
  ['has expired', { until: inDays(-1) }, {}, /site\.pem\) expired on .*; clients refuse it$/],
  [
    'is not valid yet',
    { from: inDays(1) },
    {},
    /site\.pem\) is not valid before .*; clients refuse it$/,
  ],
  ['ends in 13 days', { until: inDays(13.5) }, {}, /site\.pem\) expires on .*, in 13 days$/],
  ['ends within the day', { until: inDays(0.5) }, {}, /site\.pem\) expires on .*, in 0 days$/],
  ['ends in 15 days', { until: inDays(15) }, {}, undefined],
  [
    'ends in 15 days, where 20 are the notice',
    { until: inDays(15.5) },
    { expiryWarning: '20 days' },
    /site\.pem\) expires on .*, in 15 days$/,
  ],
  [
    'ends in 13 days, where 7 are the notice',
    { until: inDays(13) },
    { expiryWarning: '7d' },
    undefined,
  ],
] as const)
  for (const place of ['tls', 'tls.sni.localhost'])
    test(`${place}: a certificate that ${what} is ${message ? '' : 'not '}warned about, and used`, async (t) => {
      const seen = warnings(t);
      const files = stored(t, await ca.issueFor(validity, 'localhost'));
      const { port } = await serveTls(t, app, {
        tls: { ...options, ...(place === 'tls' ? files : { sni: { localhost: files } }) },
      });
      const socket = await tlsClient(t, port, { rejectUnauthorized: false });
      assert.equal(socket.getPeerCertificate().subject.CN, 'localhost');
      // Warnings come in the turn after; there has been one since.
      assert.equal(seen.length, message === undefined ? 0 : 1, seen.join('\n'));
      if (message === undefined) return;
      assert.match(seen[0]!, message);
      assert.ok(seen[0]!.startsWith(`the certificate ${place}.cert (`), seen[0]);
    });

test('of certificates that come to their end while the server runs it is said twice a day', async (t) => {
  let ahead = 0;
  let twiceADay: (() => void) | undefined;
  t.after(
    useClock({
      now: () => Date.now() + ahead,
      monotonic: () => performance.now() + ahead,
      every(milliseconds, callback) {
        if (milliseconds === 12 * hour) twiceADay = callback;
        return () => undefined;
      },
    }),
  );
  const seen = warnings(t);
  await serveTls(t, app, {
    tls: stored(t, await ca.issueFor({ until: inDays(14.75) }, 'a.example')),
  });
  const told: number[] = [];
  for (let half = 1; half <= 3; half++) {
    ahead += 12 * hour;
    twiceADay?.();
    await new Promise(setImmediate);
    told.push(seen.length);
  }
  assert.deepEqual(told, [0, 1, 2]);
  assert.match(seen[0]!, /in 13 days$/);
  ahead += 14 * day;
  twiceADay?.();
  await new Promise(setImmediate);
  assert.match(seen[2]!, /expired on .*; clients refuse it$/);
});

test('a certificate that is swapped in is judged, too', async (t) => {
  const seen = warnings(t);
  const files = stored(t, await ca.issue('localhost'));
  await serveTls(t, app, { tls: files });
  const { cert, key } = await ca.issueFor({ until: inDays(-1) }, 'localhost');
  writeFileSync(files.key, key);
  writeFileSync(files.cert, cert);
  await until(() => seen.some((each) => each.includes('expired on')), 'the warning');
});
