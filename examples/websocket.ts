/** WebSockets through the same chain as everything else: what refuses a request refuses an upgrade, too. */
import express from 'express';
import { balancedProxy, serve } from 'sekisho';
import { startEcho } from './demo/echo.ts';

const app = express();
app.use('/echo', (req, res, next) => {
  if (req.query.ticket === 'valid') next();
  else res.status(401).send('no ticket\n');
});
app.use('/echo', balancedProxy(await startEcho()));

// serve() takes care of upgrades. On a server of your own: attach(app.listen(3000)).
const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`new WebSocket('${url.replace('http', 'ws')}/echo?ticket=valid')`);
