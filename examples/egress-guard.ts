/** What may leave and what may not: the way out of an office, with a guard that stops secrets, cards and too much of anything. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { egressGuard } from 'sekisho/egress-guard';
import { errorPages } from 'sekisho/error-pages';
import { forwardProxy } from 'sekisho/forward-proxy';
import { serve } from 'sekisho';

// The web of this example: whatever its name, it is a server of this machine. Leave these out for the real one.
const anywhere = createServer((req, res) => {
  let bytes = 0;
  req.on('data', (chunk: Buffer) => (bytes += chunk.length));
  req.on('end', () => res.end(`the web took ${bytes} bytes\n`));
}).listen(0, '127.0.0.1');
await once(anywhere, 'listening');
const site = (anywhere.address() as AddressInfo).port;
const web = {
  ports: [80, 443, site],
  lookup: () => Promise.resolve(['127.0.0.1']),
  allowPrivate: ['example.com', 'example.org'],
};

const app = express();
app.use(
  egressGuard({
    // Begin with 'monitor': it tells what would have been blocked.
    mode: 'block',
    volume: { windows: [{ window: '1 hour', cap: '1mb' }] },
    patterns: [{ name: 'project', pattern: /\bPRJ-\d{4}\b/ }],
    fileTypes: { deny: ['sqlite', 'encrypted-zip'] },
    destinations: { deny: ['paste.example.org'], ports: web.ports },
    onAlert: ({ rule, blocked, user, client, destination, evidence }) => {
      console.log(blocked ? 'blocked:' : 'told:', rule, user ?? client, destination, evidence);
    },
  }),
);
app.use(forwardProxy({ ...web, clients: ['127.0.0.1'], connectPorts: [443, site] }));
app.use(errorPages());

const port = Number(process.env.PORT ?? 3128);
const { url } = await serve(app, { port, host: '127.0.0.1', signals: ['SIGINT', 'SIGTERM'] });
const target = `http://www.example.com:${site}/`;
console.log(`curl -i -x ${url} ${target} -d note=hello`);
console.log(`curl -i -x ${url} ${target} -d note=PRJ-2041`);
console.log(`curl -i -x ${url} ${target} -d card=4111+1111+1111+1111`);
console.log(`curl -i -x ${url} http://paste.example.org:${site}/ -d note=hello`);
console.log(`head -c 2000000 /dev/zero | curl -i -x ${url} ${target} --data-binary @-`);
