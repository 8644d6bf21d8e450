import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { useClock } from '../../../../lib/core/clock.ts';
import { HostsFile, parseHosts } from '../../../../lib/core/upstream/destination/hosts-file.ts';
import { NameResolver } from '../../../../lib/core/upstream/destination/name-resolver.ts';
import { dnsServer, type Zone } from '../dns-server.ts';

function fileIn(t: TestContext, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hosts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'hosts');
  writeFileSync(path, content);
  return path;
}

async function textsOf(hosts: HostsFile, name: string): Promise<string[] | undefined> {
  return (await hosts.addressesOf(name))?.map(({ text }) => text);
}

test('reads addresses and their names', () => {
  const names = parseHosts(
    [
      '# comment',
      '127.0.0.1\tlocalhost',
      '10.1.2.3  Wiki.Example wiki # the wiki',
      '  ::ffff:10.1.2.4 wiki.example.',
      '10.1.2.3 wiki.example',
      '2001:db8::1 six.example\r',
      'fe80::1%eth0 zone.example',
      'nonsense name.example',
      '10.1.2.5',
      '10.1.2.6 a..b user@host.example',
      '',
    ].join('\n'),
  );
  assert.deepEqual(
    [...names].map(([name, addresses]) => [name, addresses.map(({ text }) => text).join()]),
    [
      ['localhost', '127.0.0.1'],
      ['wiki.example', '10.1.2.3,10.1.2.4'],
      ['wiki', '10.1.2.3'],
      ['six.example', '2001:db8::1'],
    ],
  );
});

test('a file that changes is read again, one that is gone has no names', async (t) => {
  let now = 0;
  t.after(useClock({ monotonic: () => now }));
  const path = fileIn(t, '10.1.2.3 wiki.example\n');
  const hosts = new HostsFile(path);
  assert.deepEqual(await textsOf(hosts, 'wiki.example'), ['10.1.2.3']);
  writeFileSync(path, '10.1.2.4 wiki.example news.example\n');
  assert.deepEqual(await textsOf(hosts, 'wiki.example'), ['10.1.2.3']);
  now += 5000;
  assert.deepEqual(await textsOf(hosts, 'wiki.example'), ['10.1.2.4']);
  rmSync(path);
  now += 5000;
  assert.equal(await textsOf(hosts, 'wiki.example'), undefined);
  writeFileSync(path, '10.1.2.4 wiki.example news.example\n');
  now += 5000;
  assert.deepEqual(await textsOf(hosts, 'news.example'), ['10.1.2.4']);
});

test('whoever asks while the file is read waits for it', async (t) => {
  const hosts = new HostsFile(fileIn(t, '10.1.2.3 wiki.example\n'));
  const both = await Promise.all([1, 2].map(() => textsOf(hosts, 'wiki.example')));
  assert.deepEqual(both, [['10.1.2.3'], ['10.1.2.3']]);
});

test('the hosts file comes before DNS', async (t) => {
  const zone: Zone = { a: ['192.0.2.1'] };
  const dns = new NameResolver({
    lookup: undefined,
    timeout: 5000,
    servers: [await dnsServer(t, zone)],
    hostsFile: fileIn(t, '10.1.2.3 wiki.example\n'),
  });
  const texts = async (name: string): Promise<string[]> =>
    (await dns.resolve(name)).map(({ text }) => text);
  assert.deepEqual(await texts('wiki.example'), ['10.1.2.3']);
  assert.equal(zone.asked, undefined);
  assert.deepEqual(await texts('news.example'), ['192.0.2.1']);
});
