/** helmet's fields on every answer, and none of those by which upstreams tell of themselves. */
import express from 'express';
import { balancedProxy, securityHeaders, serve } from 'sekisho';
import { startSite } from './demo/site.ts';

const talkative = await startSite('the shop', { Server: 'Workhorse/1.2.3', 'X-Backend': 'rack 7' });

const app = express();
app.use(securityHeaders({ xFrameOptions: { action: 'deny' }, strip: ['server', 'x-backend'] }));
app.use(balancedProxy(talkative));

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl -i ${url}/`);
