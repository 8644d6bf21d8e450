/** An app that used apicache: `import apicache from 'apicache'` has become the import below, and nothing else. */
import express from 'express';
import { serve } from 'sekisho';
import apicache from 'sekisho/apicache';

const app = express();
const cache = apicache.options({ statusCodes: { include: [200] } }).middleware;
let asked = 0;

app.get('/api/index', (_req, res) => {
  res.json(apicache.getIndex());
});
app.get('/api/clear/:target', (req, res) => {
  res.json(apicache.clear(req.params.target));
});
app.get('/api/:collection/:id', cache('5 minutes'), (req, res) => {
  req.apicacheGroup = String(req.params.collection);
  asked += 1;
  res.json({ id: req.params.id, asked });
});

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl -i ${url}/api/posts/7  # twice`);
console.log(`curl ${url}/api/index`);
console.log(`curl ${url}/api/clear/posts`);
