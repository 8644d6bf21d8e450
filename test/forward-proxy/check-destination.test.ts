import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { OptionsError } from '../../lib/core/errors.ts';
import {
  checkDestination,
  type CheckDestinationOptions,
} from '../../lib/forward-proxy/check-destination.ts';
import { cases } from './data/destinations.ts';

for (const { to, form, goes, refused, dns = [], deny, host, sni, via } of cases)
  test(`${form ?? 'GET'} ${to}${host === undefined ? '' : ` (Host ${host})`}: ${goes ?? refused}`, async () => {
    const given = { form, deny, hostHeader: host, sni, via };
    const check = await checkDestination(to, {
      ...(Object.fromEntries(
        Object.entries(given).filter(([, value]) => value !== undefined),
      ) as CheckDestinationOptions),
      lookup: () => Promise.resolve(dns),
    });
    assert.deepEqual(check, {
      allow: goes !== undefined,
      reason: refused ?? 'allowed',
      address: goes,
    });
  });

const inside = ['10.1.2.3'];

for (const [to, allowPrivate, dns, expected] of [
  ['http://10.1.2.3/', ['10.1.0.0/16'], [], '10.1.2.3'],
  ['http://10.2.2.3/', ['10.1.0.0/16'], [], undefined],
  ['http://[::ffff:10.1.2.3]/', ['10.1.0.0/16'], [], '10.1.2.3'],
  ['http://[64:ff9b::10.1.2.3]/', ['10.1.0.0/16'], [], '64:ff9b::a01:203'],
  ['http://10.1.2.3/', ['10.1.2.3'], [], '10.1.2.3'],
  ['http://[fd12::1]/', ['fd00::/8'], [], 'fd12::1'],
  ['http://wiki.intranet.example/', ['10.1.0.0/16'], inside, '10.1.2.3'],
  ['http://wiki.intranet.example/', ['intranet.example'], inside, '10.1.2.3'],
  ['http://intranet.example/', ['intranet.example'], inside, '10.1.2.3'],
  ['http://intranet.example/', ['*.intranet.example'], inside, undefined],
  ['http://notintranet.example/', ['intranet.example'], inside, undefined],
  ['http://intranet.example/', ['10.1.0.0/16'], ['10.1.2.3', '10.2.2.3'], undefined],
  // Names of the inside: by themselves, or when all they lead to is open.
  ['http://wiki/', ['wiki'], inside, '10.1.2.3'],
  ['http://wiki/', ['wiki'], ['8.8.8.8'], '8.8.8.8'],
  ['http://wiki/', ['10.1.0.0/16'], inside, '10.1.2.3'],
  ['http://wiki/', ['10.1.0.0/16'], ['8.8.8.8'], undefined],
  ['http://wiki.corp/', ['10.1.0.0/16'], ['10.1.2.3', '8.8.8.8'], undefined],
  ['http://other/', ['wiki'], inside, undefined],
  // A block or a name never means these.
  ['http://169.254.169.254/', ['169.254.0.0/16'], [], undefined],
  ['http://169.254.169.254/', ['0.0.0.0/0', '::/0'], [], undefined],
  ['http://169.254.169.254/', ['169.254.169.254'], [], '169.254.169.254'],
  ['http://intranet.example/', ['intranet.example'], ['169.254.169.254'], undefined],
  ['http://intranet.example/', ['intranet.example', '0.0.0.0/0'], ['0.0.0.0'], undefined],
  ['http://[fd00:ec2::254]/', ['fd00::/8'], [], undefined],
  ['http://224.0.0.1/', ['0.0.0.0/0'], [], undefined],
  ['http://0.0.0.0/', ['0.0.0.0/0'], [], undefined],
  // What is public stays open.
  ['http://example.com/', ['10.1.0.0/16'], ['8.8.8.8'], '8.8.8.8'],
] as const)
  test(`${to} (${dns.join()}) with allowPrivate ${allowPrivate.join()}: ${expected ?? 'refused'}`, async () => {
    const check = await checkDestination(to, { allowPrivate, lookup: () => Promise.resolve(dns) });
    assert.equal(check.address, expected, check.reason);
  });

for (const [allowPrivate, expected] of [
  [[], undefined],
  [['127.0.0.0/8'], '127.0.0.1'],
  [['::1'], '::1'],
  [['localhost'], '127.0.0.1'],
] as const)
  test(`localhost with allowPrivate ${allowPrivate.join()} is ${expected ?? 'refused'}`, async () => {
    for (const name of ['localhost', 'LOCALHOST.', 'app.localhost'])
      assert.equal((await checkDestination(`http://${name}/`, { allowPrivate })).address, expected);
  });

for (const [allow, to, dns, expected] of [
  [['example.com'], 'http://www.example.com/', ['8.8.8.8'], true],
  [['example.com'], 'http://example.net/', ['8.8.8.8'], false],
  [['example.com'], 'http://example.com/', ['10.0.0.1'], false],
  [['8.8.8.0/24'], 'http://example.net/', ['8.8.8.8'], true],
  [['8.8.8.0/24'], 'http://example.net/', ['8.8.8.8', '8.8.4.4'], false],
  [['8.8.8.0/24', 'example.com'], 'http://example.com/', ['8.8.4.4'], true],
  [['10.0.0.0/8'], 'http://10.0.0.1/', [], false],
  [['example.com'], 'http://8.8.8.8/', [], false],
  [[], 'http://example.com/', ['8.8.8.8'], false],
] as const)
  test(`${to} (${dns.join()}) with allow ${allow.join()}: ${expected ? 'goes' : 'refused'}`, async () => {
    const check = await checkDestination(to, { allow, lookup: () => Promise.resolve(dns) });
    assert.equal(check.allow, expected, check.reason);
  });

test('deny wins over allow and allowPrivate', async () => {
  const list = ['example.com', '10.0.0.1'];
  for (const to of ['http://example.com/', 'http://10.0.0.1/'])
    assert.match(
      (await checkDestination(to, { allow: list, allowPrivate: list, deny: list })).reason,
      /is in `deny`$/,
    );
});

test('the defaults are ports 80, 443 and 8080, and 443 for tunnels', async () => {
  for (const [to, form, expected] of [
    ['http://8.8.8.8/', 'http', true],
    ['http://8.8.8.8:443/', 'http', true],
    ['http://8.8.8.8:8080/', 'http', true],
    ['http://8.8.8.8:8000/', 'http', false],
    ['8.8.8.8:443', 'connect', true],
    ['8.8.8.8:80', 'connect', false],
  ] as const)
    assert.equal((await checkDestination(to, { form })).allow, expected, to);
  assert.equal((await checkDestination('http://8.8.8.8/')).address, '8.8.8.8');
});

test('takes the options of forwardProxy as they are', async () => {
  const check = await checkDestination('http://8.8.8.8/', {
    tunnel: { idle: '1m' },
    timeouts: { connect: '1s' },
    clients: ['10.0.0.0/8'],
    pseudonym: 'way-out',
    via: '1.1 way-out',
  });
  assert.match(check.reason, /^Via names this proxy/);
});

test('with a parent proxy names are judged as names: it resolves them', async () => {
  const options = { upstreamProxy: 'http://proxy.example:3128', deny: ['bad.example'] };
  assert.deepEqual(await checkDestination('http://site.example/', options), {
    allow: true,
    reason: 'allowed',
    address: undefined,
  });
  for (const to of ['http://bad.example/', 'http://10.0.0.1/', 'http://wiki/'])
    assert.equal((await checkDestination(to, options)).allow, false, to);
});

for (const [options, problem] of [
  [{ ports: [0] }, /ports.* 0 is not allowed; use a whole number from 1 to 65535/],
  [{ ports: 80 }, /ports/],
  [{ allow: ['http://example.com/'] }, /'http:\/\/example\.com\/' is no destination; use a name/],
  [{ deny: ['10.0.0.1/8'] }, /'10\.0\.0\.1\/8' is no destination/],
  [{ deny: ['exa mple'] }, /'exa mple' is no destination/],
  [{ deny: ['0x7f.1'] }, /'0x7f\.1' is no destination/],
  [{ deny: ['example.com:80'] }, /'example\.com:80' is no destination/],
  [{ deny: [''] }, /'' is no destination/],
  [{ deny: ['*'] }, /'\*' is no destination/],
  [{ allowPrivate: [10] }, /allowPrivate/],
  [{ lookup: '8.8.8.8' }, /lookup.*is not a function/],
  [{ lookupTimeout: '5' }, /'5' is no duration/],
  [{ pseudonym: 'a b' }, /'a b' is no name for Via/],
  [{ allowPrivat: ['10.0.0.0/8'] }, /did you mean 'allowPrivate'/],
  [{ form: 'CONNECT' }, /form.*did you mean 'connect'/],
] as const)
  test(`refuses the options ${JSON.stringify(options)}`, async () => {
    await assert.rejects(
      checkDestination('http://example.com/', options as never),
      (error) => error instanceof OptionsError && problem.test(error.message),
    );
  });

test('undefined members are as if not there', async () => {
  const nothing = { ports: undefined, allow: undefined, deny: undefined, lookup: undefined };
  const rest = { allowPrivate: undefined, pseudonym: undefined, form: undefined, sni: undefined };
  const check = await checkDestination('http://8.8.8.8/', { ...nothing, ...rest } as never);
  assert.equal(check.allow, true);
});

/** Half of them on the inside. */
const quads = fc.oneof(
  fc.ipV4(),
  fc.constantFrom(
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '192.168.1.1',
    '0.0.0.0',
    '100.64.0.1',
  ),
);

function spellingsOf(quad: string): string[] {
  const parts = quad.split('.').map(Number);
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = (number: number): string => number.toString(16);
  const groups = `${hex(a * 256 + b)}:${hex(c * 256 + d)}`;
  const octal = parts.map((part) => `0${part.toString(8)}`).join('.');
  const fullwidth = quad.replace(/[\d.]/g, (letter) =>
    String.fromCharCode(letter.charCodeAt(0) + 0xfee0),
  );
  return [
    `${quad}.`,
    String(whole),
    `0x${hex(whole)}`,
    `0X${hex(whole).toUpperCase()}`,
    octal,
    `${a}.0x${hex(b)}.${c * 256 + d}`,
    fullwidth,
    quad.replaceAll('.', '。'),
    `[::ffff:${quad}]`,
    `[0:0:0:0:0:FFFF:${groups}]`,
    `[64:ff9b::${quad}]`,
    `[64:FF9B:0:0::${groups}]`,
    `[2002:${groups}::1]`,
  ];
}

test('every spelling of an address is judged as the address, by all rules', async () => {
  await fc.assert(
    fc.asyncProperty(quads, fc.boolean(), async (quad, open) => {
      const block = `${quad.split('.', 1)[0] ?? ''}.0.0.0/8`;
      for (const rules of [
        open ? { allowPrivate: [block] } : {},
        { deny: [block] },
        { allow: [block] },
      ]) {
        const { allow } = await checkDestination(`http://${quad}/`, rules);
        for (const spelling of spellingsOf(quad)) {
          const check = await checkDestination(`http://${spelling}/`, rules);
          assert.equal(check.allow, allow, `${spelling}: ${check.reason}`);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('every spelling of a name is judged as the name', async () => {
  const labels = fc
    .stringMatching(/^[a-z][a-z\d-]{0,8}[a-z]$/)
    .filter((label) => !label.startsWith('xn--'));
  await fc.assert(
    fc.asyncProperty(labels, labels, async (one, two) => {
      const name = `${one}.${two}.example`;
      const rules = { deny: [name], lookup: () => Promise.resolve(['8.8.8.8']) };
      for (const spelling of [
        name,
        `${name}.`,
        name.toUpperCase(),
        name.replace('.', '。'),
        `a.${name}`,
      ]) {
        const check = await checkDestination(`http://${spelling}/`, rules);
        assert.match(check.reason, /is in `deny`$/, spelling);
        const other = await checkDestination(`http://${spelling}/`, {
          ...rules,
          deny: [`b${name}`],
        });
        assert.equal(other.allow, true, other.reason);
      }
    }),
    { numRuns: 50 },
  );
});

for (const nothing of [undefined, null, 5, new URL('http://example.com/')])
  test(`a destination that is none: ${String(nothing)}`, async () => {
    await assert.rejects(checkDestination(nothing as never), (error) => {
      assert.ok(error instanceof OptionsError);
      assert.match(error.message, /^checkDestination: destination: .* is not allowed; use a URL/);
      return true;
    });
  });

test('a process waits for the verdict, though a lookup hangs', async () => {
  const source = new URL('../../lib/forward-proxy/check-destination.ts', import.meta.url);
  const script = `
    import { checkDestination } from ${JSON.stringify(source.href)};
    const lookup = () => new Promise(() => undefined);
    const { reason } = await checkDestination('http://a.example/', { lookup, lookupTimeout: 50 });
    console.log(reason);`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...process.execArgv.filter((argument) => argument.startsWith('--conditions')),
    '--input-type=module',
    '--eval',
    script,
  ]);
  assert.match(stdout, /did not answer in time/);
});
