/** A process of its own with a server that closes itself at signals; prints its url. */
import express from 'express';
import { serve } from '../../lib/core/server/serve.ts';

const app = express();
app.get('/slow', (_req, res) => {
  res.write('begun ');
  setTimeout(() => res.end('and finished'), 300);
});
// Something of the user's that would keep the process alive for ever.
setInterval(() => undefined, 1000);

const { url } = await serve(app, {
  host: '127.0.0.1',
  gracePeriod: '1m',
  signals: ['SIGTERM', 'SIGINT'],
});
console.log(url);
