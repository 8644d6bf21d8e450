/** What may not be asked for: paths of a shop, hosts of a list, and whatever servers could read in two ways. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { balancedProxy, errorPages, serve } from 'sekisho';
import { urlFilter } from 'sekisho/url-filter';
import { startSite } from './demo/site.ts';

// One of your own, or one of those that are published: hosts files, Adblock, squidGuard, dnsmasq, RPZ …
const file = join(mkdtempSync(join(tmpdir(), 'sekisho-')), 'games.txt');
writeFileSync(file, 'games.example\nfun.example\n');

const app = express();
app.use(
  urlFilter({
    deny: ['/admin', '/**/*.{php,bak}', /\/\.(?!well-known\/)/],
    methods: ['GET', 'POST'],
    lists: [{ file, category: 'games' }],
    // For them the list does not count.
    groups: [{ name: 'editors', networks: ['10.1.0.0/16'], grey: [{ category: 'games' }] }],
    page: { contact: 'helpdesk@company.example' },
  }),
);
app.use(balancedProxy(await startSite('the shop')));
app.use(errorPages());

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl -i ${url}/basket`);
console.log(`curl -i ${url}/%61dmin/users`);
console.log(`curl -i ${url}/a%2F..%2Fadmin`);
console.log(`curl -i -H 'Accept: text/html' -H 'Host: www.games.example' ${url}/`);
