/** An app with a mistake in its order is audited; the mended one tells of itself. */
import express from 'express';
import { audit, authGate, balancedProxy, cache, errorPages, explain, serve } from 'sekisho';

const gate = authGate({ basic: { users: { alice: 'correct horse' } } });
const images = balancedProxy(['http://127.0.0.1:8081', 'http://127.0.0.1:8082']);

const wrong = express();
wrong.use(cache('10 minutes'), gate);
wrong.use('/image', images);
audit(wrong).print();

const app = express();
app.get('/audit', (_req, res) => res.json(audit(app)));
app.get('/explain/*path', (req, res) => {
  res.json(explain(app, `GET ${req.originalUrl.slice('/explain'.length)}`));
});
app.use('/image', gate, cache('10 minutes'), images);
app.use(errorPages());
audit(app).throwIf('error');

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, host: '127.0.0.1', signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl ${url}/audit`);
console.log(`curl ${url}/explain/image/a.png`);
