import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guessFormat } from '../../../lib/core/lists/formats.ts';
import type { ListFormat } from '../../../lib/core/lists/options.ts';
import { read, warnings } from './support.ts';

const hosts =
  '# ads\n127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 ads.example  track.example # two\r\n0.0.0.0 0.0.0.0\n';
const domains =
  'bad.example # why\n\n*.wild.example\n.dot.example\nWWW.UPPER.Example.\nbücher.example\n203.0.113.7\n[2001:DB8::0:1]\n';
const adblock = [
  '[Adblock Plus 2.0]',
  '! Title: test',
  '||ads.example^',
  '||wide.example^',
  '@@||good.wide.example^',
  '||third.example^$third-party',
  '||important.example^$important',
  '||*.below.example^',
  '||page.example/ads/',
  '@@||page.example/ads/fine',
  'news.example##.banner',
  'news.example##+js(set, a b, 1)',
  'news.example#%#//scriptlet("a", "b c")',
  'news.example$$script[tag-content="a b"]',
  '$popup,domain=a.example|b.example',
  '@@$generichide,domain=a.example',
  "||csp.example^$csp=script-src 'self' *",
  '/^https?:\\/\\/ads? (x|y)\\//$script',
  '/x/*$removeparam=/a(b/',
  '/ads/',
  '|https://$popup,domain=a.example',
  '&ad_box_',
  '||port.example:8080^',
  '||begin.',
  '||*.weird^',
  '/banner/*/img^',
  'plain.example',
  '@@||always.example^',
  '||no.always.example^',
].join('\n');
const dnsmasq =
  'address=/ads.example/0.0.0.0\nserver=/a.example/b.example/\nlocal=/local.example/\nserver=/good.ads.example/#\nno-resolv\nfilter-AAAA\nport=53\nserver=192.0.2.53#54@eth0\nlocal=//\ndhcp-range=192.0.2.9,1h\nconf-dir=/etc/dnsmasq.d,*.conf\n--cname=a.example,b.example\n# comment\n';
const rpz = [
  '$TTL 1h',
  '$ORIGIN rpz.test.',
  '@ IN SOA localhost. root.localhost. (',
  '  1 ; serial',
  '  1h 15m 30d 2h )',
  '  IN NS localhost.',
  'bad.example CNAME .',
  '*.bad.example 300 IN CNAME .',
  'good.bad.example CNAME rpz-passthru.',
  'absolute.example.rpz.test. IN CNAME *.',
  'garden.example A 192.0.2.1',
  '                AAAA 2001:db8::1',
  '32.1.2.0.192.rpz-ip CNAME .',
].join('\n');
const urls =
  'http://www.bad.example/ads\nfolder.example/dir/\nwhole.example\nquery.example/x?id=1\ncase.example/Some%20Path\n# no\n';
const expressions = '# names\n(^|[-.?+=/_])(casino|poker)([-.?+=/_]|$)\n\\.exe$\n[[:digit:]]{6}\n';

for (const [format, text, listed, free] of [
  [
    'hosts',
    hosts,
    ['ads.example', 'track.example', 'ADS.example.'],
    ['www.ads.example', 'localhost', 'example', '0.0.0.0'],
  ],
  [
    'dstdomain',
    '.all.example\nonly.example\n',
    ['all.example', 'www.all.example', 'only.example'],
    ['www.only.example', 'small.example'],
  ],
  [
    'domains',
    domains,
    [
      'bad.example',
      'www.bad.example',
      'a.b.bad.example',
      'x.wild.example',
      'dot.example',
      'a.dot.example',
      'www.upper.example',
      'xn--bcher-kva.example',
      'a.bücher.example',
      '203.0.113.7',
      '0xcb.0.113.7',
      '2001:db8::1',
      '[2001:db8:0::1]',
    ],
    [
      'notbad.example',
      'bad.example.net',
      'wild.example',
      'example',
      'upper.example',
      '13.203.0.113.7',
      '2001:db8::2',
    ],
  ],
  [
    'adblock',
    adblock,
    [
      'ads.example',
      'x.ads.example',
      'wide.example',
      'important.example',
      'x.below.example',
      'x.weird',
      'page.example/ads/x',
      'w.page.example/ads/',
      'plain.example',
    ],
    [
      'good.wide.example',
      'a.good.wide.example',
      'third.example',
      'below.example',
      'page.example/',
      'page.example/ads',
      'page.example/ads/fine',
      'page.example/ads/fine/x',
      'news.example',
      'weird',
      'csp.example',
      'port.example',
      'begin',
      'no.always.example',
    ],
  ],
  [
    'dnsmasq',
    dnsmasq,
    ['ads.example', 'x.ads.example', 'a.example', 'b.example', 'local.example'],
    ['good.ads.example', 'x.good.ads.example', 'c.example'],
  ],
  [
    'rpz',
    rpz,
    ['bad.example', 'x.bad.example', 'absolute.example', 'garden.example', 'x.good.bad.example'],
    ['good.bad.example', 'x.absolute.example', 'rpz.test', 'localhost', '192.0.2.1'],
  ],
  [
    'urls',
    urls,
    [
      'bad.example/ads',
      'www.bad.example/ads/x',
      'www2.bad.example/ads?x=1',
      'folder.example/dir/x',
      'whole.example/',
      'whole.example/any/thing',
      'query.example/x?id=1',
      'query.example/x?id=1&y=2',
      'case.example/some%20path/x',
      'bad.example/%61ds',
      'bad.example/x/../ads',
    ],
    [
      'bad.example/',
      'bad.example/adsense',
      'api.bad.example/ads',
      'folder.example/dir',
      'query.example/x?id=12',
      'query.example/x',
    ],
  ],
  [
    'expressions',
    expressions,
    ['x.example/poker', 'www.CASINO.example/', 'a.example/setup.EXE', 'a.example/x/123456'],
    ['pokerface.example/', 'a.example/setup.exe?x', 'a.example/12345'],
  ],
] as const satisfies readonly (readonly [
  ListFormat,
  string,
  readonly string[],
  readonly string[],
])[])
  test(`${format}: what it lists, and what it does not`, async (t) => {
    const heard = warnings(t);
    const lists = await read(t, text, { format });
    for (const [targets, expected] of [
      [listed, true],
      [free, false],
    ] as const)
      for (const target of targets) {
        const slash = target.indexOf('/');
        const match =
          slash === -1
            ? lists.lookup(target)
            : lists.lookup(target.slice(0, slash), target.slice(slash));
        assert.equal(match !== undefined, expected, `${target}: ${JSON.stringify(match)}`);
      }
    assert.deepEqual(heard, []);
  });

for (const [format, text, problems] of [
  [
    'hosts',
    '0.0.0.0 ok.example\nads.example\n0.0.0.0\n0.0.0.0 b_d!.example\n',
    [
      "line 2: 'ads.example' does not begin with an IP address",
      "line 3: '0.0.0.0' has no name after the address",
      "line 4: '0.0.0.0 b_d!.example' is no host name",
    ],
  ],
  [
    'domains',
    'two words\na..b\nhttp://x.example/\nok.example\n-\u0000-\nx:80\n-\n*.-\n',
    [
      "line 1: 'two words' is no domain",
      "line 2: 'a..b' is no domain",
      "line 3: 'http://x.example/' is no domain",
      "line 5: '- -' is no domain",
      "line 6: 'x:80' is no domain",
      "line 7: '-' is no domain",
      "line 8: '*.-' is no domain",
    ],
  ],
  [
    'dstdomain',
    '.ok.example\n..x\nc d\n.e.example .f.example # two\n',
    [
      "line 2: '..x' is no domain",
      "line 3: 'c d' is no domain",
      "line 4: '.e.example .f.example # two' is no domain",
    ],
  ],
  [
    'adblock',
    '||ok.example^\n||bad..example^\nrubbish here\n@@||\n||^\n||$third-party\n@@\n/regex(/\n@@/[z-a]/$script\n',
    [
      "line 2: '||bad..example^' is no rule for a host",
      "line 3: 'rubbish here' is no rule: no URL has a space",
      "line 4: '@@||' is a rule for nothing",
      "line 5: '||^' is a rule for nothing",
      "line 6: '||$third-party' is a rule for nothing",
      "line 7: '@@' is a rule for nothing",
      "line 8: '/regex(/' is no regular expression",
      "line 9: '@@/[z-a]/$script' is no regular expression",
    ],
  ],
  [
    'dnsmasq',
    'address=/ok.example/\naddress=/b d/\n!\nrubbish\naddress=\nadress=/x.example/\naddress=/x.example\nserver\naddress=192.0.2.1\nno-hosts=\n',
    [
      "line 2: 'address=/b d/' is no domain",
      "line 3: '!' is no line of dnsmasq",
      "line 4: 'rubbish' is no line of dnsmasq",
      "line 5: 'address=' names no domain between slashes",
      "line 6: 'adress=/x.example/' is no line of dnsmasq",
      "line 7: 'address=/x.example' names no domain between slashes",
      "line 8: 'server' names no domain between slashes",
      "line 9: 'address=192.0.2.1' names no domain between slashes",
      "line 10: 'no-hosts=' is no line of dnsmasq",
    ],
  ],
  ['rpz', 'ok.example CNAME .\nfoo bar\n', ["line 2: 'foo bar' is no record of a zone file"]],
  [
    'urls',
    'ok.example/x\nuser@x.example/y\n/path\n',
    ["line 2: 'user@x.example/y' is no URL", "line 3: '/path' is no URL"],
  ],
  [
    'expressions',
    'ok\n(\n(a)\\1\n',
    [
      'line 2: /(/i is no regular expression: Invalid regular expression: /(/i: Unterminated group',
      'line 3: /(a)\\1/i has the backreference or octal escape \\1; write out what is meant',
    ],
  ],
] as const)
  test(`${format}: broken lines are told with their numbers and skipped`, async (t) => {
    const heard = warnings(t);
    const lists = await read(t, text, { format });
    assert.equal(heard.length, 1);
    const [file] = lists.states;
    assert.equal(heard[0], `lines of ${file!.file} were skipped: ${problems.join('; ')}`);
    assert.equal(lists.lookup('ok.example', '/x')?.category, 'test');
  });

for (const [expected, text, name] of [
  ['hosts', hosts],
  ['domains', domains],
  ['adblock', adblock],
  ['dnsmasq', dnsmasq],
  ['rpz', rpz],
  ['urls', 'a.example/x\nb.example/y/z\nc.example/\n'],
  ['dstdomain', '.a.example\n.b.example\nc.example\n'],
  ['domains', ''],
  ['domains', '# nothing\n'],
  ['expressions', 'poker', '/lists/gambling/expressions'],
  ['urls', 'poker.example', '/lists/gambling/urls'],
] as const)
  test(`auto takes ${JSON.stringify(text.slice(0, 20))} in ${name ?? 'a file'} for ${expected}`, () => {
    assert.equal(guessFormat(name ?? '/lists/a.txt', text.split('\n')), expected);
  });
