/** What Prometheus reads of a proxy: `grafana-dashboard.json` beside this file shows it. */
import express from 'express';
import { Counter } from 'prom-client';
import { balancedProxy, metrics, serve, upstream } from 'sekisho';

const shop = express();
shop.use((req, res) => {
  if (Math.random() < 0.1) res.status(503);
  setTimeout(() => res.send(`the shop answers ${req.method} ${req.url}\n`), Math.random() * 100);
});
const origin = await serve(shop, { host: '127.0.0.1', signals: ['SIGINT', 'SIGTERM'] });

const meter = metrics({ labels: { site: 'example' } });
const orders = new Counter({
  name: 'shop_orders_total',
  help: 'Orders of this example',
  registers: [meter.registry],
});

const app = express();
app.use(meter);
app.post('/orders', (_req, res) => {
  orders.inc();
  res.status(201).send('ordered\n');
});
const pool = upstream('shop', origin.url, { retries: { statuses: [503] } });
app.use('/shop', balancedProxy(pool));

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl ${url}/shop/1`);
console.log(`curl -X POST ${url}/orders`);
console.log(`curl ${url}/metrics`);
