/** The way out for browsers and servers: users, a filter, a cache and a log, on the port of the app itself. */
import express from 'express';
import { accessLog } from 'sekisho/access-log';
import { anonymizer } from 'sekisho/anonymizer';
import { authGate } from 'sekisho/auth-gate';
import { cache } from 'sekisho/cache';
import { errorPages } from 'sekisho/error-pages';
import { forwardProxy, proxyPac } from 'sekisho/forward-proxy';
import { urlFilter } from 'sekisho/url-filter';
import { serve } from 'sekisho';
import { startSite } from './demo/site.ts';

// The web of this example: whatever its name, it is a server of this machine. Leave these three out for the real one.
const site = Number(new URL(await startSite('the web', { 'Cache-Control': 'max-age=60' })).port);
const web = {
  ports: [80, 443, site],
  lookup: () => Promise.resolve(['127.0.0.1']),
  allowPrivate: ['example.com'],
};

const app = express();
const port = Number(process.env.PORT ?? 3128);

app.use(accessLog());
// What browsers are pointed at. It is a page of this server, which nobody has to log in for.
app.get('/proxy.pac', proxyPac({ proxy: `http://localhost:${port || 3128}` }));
app.use(urlFilter({ deny: ['ads.example.com', { host: 'example.com', path: '/tracking' }] }));
app.use(
  authGate({ basic: { users: { alice: 'wonderland' }, realm: 'The way out' }, lockout: true }),
);
app.use(cache());
app.use(anonymizer());
app.use(forwardProxy({ ...web, connectPorts: [443, site] }));
app.use(errorPages());

const { url } = await serve(app, { port, host: '127.0.0.1', signals: ['SIGINT', 'SIGTERM'] });
console.log(
  `curl -i -x ${url} http://www.example.com:${site}/                     (407: who are you?)`,
);
console.log(
  `curl -i -x ${url} -U alice:wonderland http://www.example.com:${site}/  (twice: Cache-Status)`,
);
console.log(`curl -i -x ${url} -U alice:wonderland http://ads.example.com:${site}/  (403)`);
console.log(`curl -i -p -x ${url} -U alice:wonderland http://www.example.com:${site}/tunnel`);
console.log(`curl -i -x ${url} -U alice:wonderland http://169.254.169.254/         (403)`);
console.log(`curl ${url}/proxy.pac`);
