/** Two logs of one server: lines for log tools in the terminal, JSON with all that is known in a file. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { accessLog, balancedProxy, errorPages, serve } from 'sekisho';

const shop = express();
shop.use((req, res) => {
  setTimeout(() => res.send(`the shop answers ${req.method} ${req.url}\n`), Math.random() * 100);
});
const origin = await serve(shop, { host: '127.0.0.1', signals: ['SIGINT', 'SIGTERM'] });

const file = join(tmpdir(), `sekisho-access-${process.pid}.json`);
const records = accessLog({
  format: 'json',
  file,
  slow: '80ms',
  fields: { tls: false, tenant: (req) => req.get('x-tenant') },
  requestId: { respond: true, forward: true },
});
process.on('SIGHUP', () => {
  records.reopen();
});

const app = express();
app.use(accessLog('combined'), records);
app.get('/health', (_req, res) => void res.send('fine\n'));
app.use('/shop', balancedProxy(origin.url));
app.use('/closed', balancedProxy('http://127.0.0.1:1'));
app.use(errorPages());

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl '${url}/shop/1?token=secret'`);
console.log(`curl ${url}/closed`);
console.log(`tail -f ${file}`);
