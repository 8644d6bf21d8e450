/** The same proxy with a dashboard and without: `dashboard-peer.ts NAME UPSTREAM_URL`; prints its port. */
import express from 'express';
import { balancedProxy, serve } from 'sekisho';
import { dashboard } from 'sekisho/dashboard';

const [name = '', target = ''] = process.argv.slice(2);
const app = express().disable('x-powered-by');
if (name !== 'no dashboard') app.use('/dashboard', dashboard({ public: true }));
app.use(balancedProxy(target));
const { url } = await serve(app, { host: '127.0.0.1' });
console.log(new URL(url).port);
