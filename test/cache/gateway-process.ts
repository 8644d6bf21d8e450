/** A gateway of its own: `cache()` with the Redis of argv[2] in front of the server of argv[3]; prints its URL. */
import express from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache, redisStore } from '../../lib/cache/index.ts';
import { serve } from '../../lib/core/server/serve.ts';

const [, , redis = '', origin = ''] = process.argv;
const app = express();
app.set('trust proxy', true);
app.use(
  cache({ store: redisStore({ url: redis, timeout: '20s' }), purge: () => true }),
  balancedProxy(origin),
);
const { url } = await serve(app, { host: '127.0.0.1', signals: ['SIGTERM'] });
console.log(url);
