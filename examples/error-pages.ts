/** What clients see when a server is down: a page for browsers, problem details for programs. */
import express from 'express';
import { balancedProxy, errorPages, serve } from 'sekisho';

const app = express();
// Nobody listens there.
app.use('/shop', balancedProxy('http://127.0.0.1:1'));
app.use(
  errorPages({
    pages: {
      '5xx': '<!doctype html><title>Sorry</title><h1>Back soon</h1><p>Quote {requestId}.</p>',
    },
  }),
);

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl -i ${url}/shop`);
console.log(`curl -i -H 'Accept: text/html' ${url}/shop`);
