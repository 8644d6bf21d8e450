import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generalised } from '../../lib/anonymizer/user-agent.ts';

const webKit = 'AppleWebKit/537.36 (KHTML, like Gecko)';

for (const [userAgent, expected] of [
  [
    `Mozilla/5.0 (Windows NT 6.1; WOW64) ${webKit} Chrome/109.0.5414.120 Safari/537.36`,
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/109.0.0.0 Safari/537.36`,
  ],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/126.0.6478.127 Safari/537.36 Edg/126.0.2592.87`,
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0`,
  ],
  [
    `Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007) ${webKit} Chrome/126.0.6478.72 Mobile Safari/537.36`,
    `Mozilla/5.0 (Linux; Android 10; K) ${webKit} Chrome/126.0.0.0 Mobile Safari/537.36`,
  ],
  [
    'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0.2',
    'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0',
  ],
  [
    'Mozilla/5.0 (Android 13; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0',
    'Mozilla/5.0 (Android 10; Mobile; rv:127.0) Gecko/20100101 Firefox/127.0',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Mobile Safari/605.1.15',
  ],
  ['Mozilla/5.0 (Workhorse 9000; intranet build for alice)', 'Mozilla/5.0'],
  ['curl/8.5.0', 'curl/8'],
  ['python-requests/2.31.0 CPython/3.11', 'python-requests/2'],
  ['Go-http-client/1.1', 'Go-http-client/1'],
  ['node', 'node'],
  ['corp-tool/v12.3 (alice@workstation7.corp)', 'corp-tool/12'],
  ['(alice)', undefined],
  ['', undefined],
] as const)
  test(`'${userAgent.slice(0, 70)}' becomes '${expected ?? ''}'`, () => {
    assert.equal(generalised(userAgent), expected);
  });

test('what is generalised stays as it is, and is short, whatever came', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((rest) => `Mozilla/5.0 (Linux; ${rest}) Chrome/1${rest}`),
      ),
      (text) => {
        const once = generalised(text);
        if (once === undefined) return;
        assert.ok(once.length < 160);
        assert.equal(generalised(once), once);
      },
    ),
  );
});

test('a User-Agent of 100 KB takes no time', () => {
  for (const text of [
    'Mozilla/5.0 '.repeat(10_000),
    'a'.repeat(100_000),
    `Mozilla/${'Version/'.repeat(15_000)}`,
  ])
    generalised(text);
});
