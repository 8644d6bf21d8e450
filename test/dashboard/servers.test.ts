import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { upstream, type Upstream } from '../../lib/core/upstream/upstream.ts';
import { Servers } from '../../lib/dashboard/servers.ts';
import { record } from './support.ts';

const minute = 60_000;
const [a, b] = ['127.0.0.1:1', '127.0.0.1:2'];

function pool(t: TestContext, name: string, servers: readonly string[]): Upstream {
  const made = upstream(
    name,
    servers.map((server) => `http://${server}`),
  );
  t.after(() => made.destroy());
  return made;
}

test('all pools of the process are seen, those of one name as one', (t) => {
  pool(t, 'images', [a, b]);
  pool(t, 'shop', [a]);
  pool(t, 'images', [b]).pool.servers[0]!.inflight = 2;
  const view = new Servers(minute, undefined).view(0);
  assert.deepEqual(
    view.map(({ name, servers }) => [
      name,
      servers.map((server) => [server.name, server.inflight]),
    ]),
    [
      [
        'images',
        [
          [a, 0],
          [b, 2],
        ],
      ],
      ['shop', [[a, 0]]],
    ],
  );
});

test('only the pools chosen are seen', (t) => {
  pool(t, 'images', [a]);
  const shop = pool(t, 'shop', [a]);
  const servers = new Servers(minute, [shop]);
  assert.deepEqual(
    servers.view(0).map(({ name }) => name),
    ['shop'],
  );
  assert.deepEqual(servers.pools('images'), []);
});

test('requests, failures and the worst state of each time are remembered', (t) => {
  const images = pool(t, 'images', [a]);
  const servers = new Servers(minute, undefined);
  const request = { upstream: 'images', server: a };
  servers.add(record(request), 0);
  servers.add(record({ ...request, status: 502, error: 'ERR_SEKISHO_UPSTREAM_RESET' }), 100);
  servers.addFailure('images', a, 200);
  servers.add(record({ ...request, server: 'unknown:1' }), 300);
  servers.add(record({ ...request, upstream: 'unknown' }), 300);
  void images.drain(`http://${a}`);
  servers.noteStates(1500);
  images.pool.resume(images.pool.servers[0]!);
  servers.noteStates(1600);
  assert.deepEqual(servers.view(3000)[0]!.servers[0]!.history, {
    requests: [3, 0, 0],
    failures: [2, 0, 0],
    states: [0, 2, 0],
  });
});

test('histories are told again only when a slice of them is over', (t) => {
  pool(t, 'images', [a]);
  const servers = new Servers(minute, undefined);
  const told = (now: number, since: number): boolean =>
    servers.view(now, since)[0]!.servers[0]!.history !== undefined;
  assert.deepEqual([told(1000, 0), told(1900, 1000), told(2000, 1900)], [true, false, true]);
});

test('the rate is that of the last two slices', (t) => {
  pool(t, 'images', [a]);
  const servers = new Servers(minute, undefined);
  for (const now of [0, 1000, 1100, 2000])
    servers.add(record({ upstream: 'images', server: a }), now);
  assert.equal(servers.view(2500)[0]!.servers[0]!.rate, 2);
  assert.equal(servers.view(60_000)[0]!.servers[0]!.rate, 0);
});

test('servers that left are forgotten, and there are never too many', (t) => {
  const images = pool(t, 'images', [a]);
  const servers = new Servers(minute, undefined);
  for (let batch = 0; batch < 20; batch++) {
    const urls = Array.from({ length: 100 }, (_, at) => `http://10.0.${batch}.${at}`);
    images.update(urls);
    servers.noteStates(batch * 1000);
    const view = servers.view(batch * 1000 + 500);
    assert.equal(view[0]!.servers.length, 100);
    assert.ok(view[0]!.servers.every(({ history }) => history !== undefined));
  }
  images.update(Array.from({ length: 2000 }, (_, at) => `http://10.1.${at >> 8}.${at & 255}`));
  assert.equal(servers.view(100_000)[0]!.servers.length, 500);
});
