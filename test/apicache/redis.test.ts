/** The same requests through the real apicache and through ours, both with a real Redis. */
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import express from 'express';
import apicache, { type Apicache } from '../../lib/apicache/index.ts';
import { useClock, type Clock } from '../../lib/core/clock.ts';
import { noRedis, startRedis, type RedisServer } from '../support/redis.ts';
import { listen, until } from '../support/servers.ts';
import { original } from './original.ts';

interface Lab {
  readonly api: Apicache;
  /** A second instance with the same Redis. */
  readonly other: Apicache;
  /** Asks until an answer comes a second time: it is stored. */
  readonly stored: (path: string) => Promise<string>;
  /** Whether what is stored is given again, or will not be any more. */
  readonly stays: (path: string, text: string) => Promise<boolean>;
  readonly leaves: (path: string, text: string) => Promise<boolean>;
  readonly get: (path: string) => Promise<{ text: string; headers: Headers }>;
}

/** Waits for Redis as long as it takes: what a slow machine makes of 100 ms is no difference. */
function patience(t: TestContext): void {
  const after: Clock['after'] = (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds < 100 ? milliseconds : 20_000).unref();
    return () => {
      clearTimeout(timer);
    };
  };
  t.after(useClock({ after, monotonic: () => 0 }));
}

async function lab(t: TestContext, makes: () => Promise<Apicache>): Promise<Lab> {
  patience(t);
  const api = await makes();
  const app = express();
  let counted = 0;
  app.use(api.middleware('5 minutes'), (req, res) => {
    req.apicacheGroup = 'group';
    res.type('text/plain').send(Buffer.from(`${String(++counted)} \xff\0`, 'latin1'));
  });
  const { url } = await listen(t, app);
  const get: Lab['get'] = async (path) => {
    const answer = await fetch(url + path);
    const text = Buffer.from(await answer.arrayBuffer()).toString('latin1');
    return { text, headers: answer.headers };
  };
  return {
    api,
    other: await makes(),
    get,
    async stored(path) {
      let last = '';
      await until(async () => last === (last = (await get(path)).text), `${path} is stored`);
      return last;
    },
    stays: async (path, text) => (await get(path)).text === text,
    async leaves(path, text) {
      await until(async () => (await get(path)).text !== text, `${path} is forgotten`);
      return true;
    },
  };
}

const rows: Readonly<Record<string, (lab: Lab) => Promise<unknown>>> = {
  'a stored answer': async ({ stored, get }) => {
    const text = await stored('/a');
    const { text: again, headers } = await get('/a');
    return [
      text === again,
      again.endsWith(' \xff\0'),
      headers.get('content-type'),
      headers.get('etag') !== null,
      headers.get('apicache-store'),
    ];
  },
  'other queries are other answers': async ({ stored }) =>
    (await stored('/a?x=1')) === (await stored('/a?x=2')),
  'the index, and what clear() leaves of it': async ({ api, stored, leaves }) => {
    const text = await stored('/a');
    const before = [api.getIndex().all, api.getIndex('group')];
    api.clear();
    return [before, await leaves('/a', text)];
  },
  'clear() of a group': async ({ api, stored, leaves }) => {
    const text = await stored('/a');
    api.clear('group');
    return leaves('/a', text);
  },
  'clear() of a key': async ({ api, stored, stays, leaves }) => {
    const [one, two] = [await stored('/a'), await stored('/b')];
    api.clear('/a');
    return [await leaves('/a', one), await stays('/b', two)];
  },
};

/** The client that the original was made for (redis 3): callbacks, other names, and a word of whether it is connected. */
async function clientOf3(redis: RedisServer): Promise<unknown> {
  const legacy = (await redis.client()).legacy();
  return {
    connected: true,
    hset: legacy.hSet.bind(legacy),
    hgetall: legacy.hGetAll.bind(legacy),
    expire: legacy.expire.bind(legacy),
    del: legacy.del.bind(legacy),
  };
}

async function labs(t: TestContext): Promise<{ theirs: Lab; ours: Lab }> {
  const [first, second] = await Promise.all([startRedis(t), startRedis(t)]);
  return {
    theirs: await lab(t, async () =>
      original.newInstance({ redisClient: (await clientOf3(first)) as never }),
    ),
    ours: await lab(t, async () => apicache.newInstance({ redisClient: await second.client() })),
  };
}

for (const [name, run] of Object.entries(rows))
  test(`Redis, ${name}: the same`, { skip: noRedis }, async (t) => {
    const { theirs, ours } = await labs(t);
    assert.deepEqual(await run(theirs), await run(ours));
  });

test(
  'Redis, clear() of a group in another process: here a purge is one of the store',
  { skip: noRedis },
  async (t) => {
    const { theirs, ours } = await labs(t);
    for (const path of ['/a', '/b']) {
      const [one, two] = [await theirs.stored(path), await ours.stored(path)];
      for (const { other } of [theirs, ours]) other.clear('group');
      await ours.leaves(path, two);
      assert.ok(await theirs.stays(path, one));
    }
  },
);

test(
  'a client of today stores nothing for the original, which takes it for unconnected; here it does',
  { skip: noRedis },
  async (t) => {
    const redis = await startRedis(t);
    const makes = (api: Apicache) => async () =>
      api.newInstance({ redisClient: await redis.client() });
    const theirs = await lab(t, makes(original));
    const seen = [await theirs.get('/'), await theirs.get('/'), await theirs.get('/')];
    assert.equal(new Set(seen.map(({ text }) => text)).size, 3);
    assert.equal(await (await redis.client()).dbSize(), 0);
    const ours = await lab(t, makes(apicache));
    assert.ok(await ours.stays('/', await ours.stored('/')));
  },
);
