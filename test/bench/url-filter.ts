/**
 * What urlFilter() costs a request, without sockets and app: no rules, a few, and 10,000 of each kind, for requests that
 * match none of them. The 10,000 should cost hardly more than the few.
 */
import { fileURLToPath } from 'node:url';
import type { Request, RequestHandler, Response } from 'express';
import { contextOf } from '../../lib/core/context.ts';
import { urlFilter, type UrlFilterOptions, type UrlPattern } from '../../lib/url-filter/index.ts';
import { median } from './measure.ts';

const rounds = 9;
const calls = 20_000;

const numbers = Array.from({ length: 10_000 }, (_, index) => index);
const few: readonly UrlPattern[] = ['/admin', '/**/*.php', '/.git', 'evil.example', { port: 25 }];

const filters: Readonly<Record<string, UrlFilterOptions>> = {
  'no rules': {},
  'five rules': { deny: few },
  '10,000 paths': { deny: numbers.map((number) => `/blog/${number}/secret`) },
  '10,000 hosts': { deny: numbers.map((number) => `host-${number}.example`) },
  '10,000 globs': { deny: numbers.map((number) => `/**/file-${number}/*.php`) },
  '10,000 hosts with paths': { deny: numbers.map((number) => `shop.example/${number}/secret`) },
  '20 expressions': { deny: numbers.slice(0, 20).map((number) => new RegExp(`\\.x${number}$`)) },
};

const targets = {
  plain: '/blog/2026/a-day-at-hakone.html?utm_source=feed',
  escaped: '/blog/2026/caf%C3%A9%20au%20lait.html',
  rewritten: '/blog//2026/%7Emia/index.html',
};

export function benchUrlFilter(): void {
  console.log('\nurlFilter: microseconds per request that passes');
  const base = cost((_req, _res, next) => next(), targets.plain);
  console.table(
    Object.entries(filters).map(([name, options]) => {
      const filter = urlFilter(options);
      const row = Object.entries(targets).map(([target, url]) => [
        target,
        round(cost(filter, url) - base),
      ]);
      filter.close();
      return { filter: name, ...(Object.fromEntries(row) as Record<string, number>) };
    }),
  );
}

function cost(handler: RequestHandler, url: string): number {
  const times: number[] = [];
  for (let run = 0; run < rounds + 3; run++) {
    const requests = Array.from({ length: calls }, () => requestFor(url));
    let passed = 0;
    const begun = performance.now();
    for (const req of requests) handler(req, response, () => passed++);
    const took = performance.now() - begun;
    if (passed !== calls) throw new Error(`only ${passed} requests have passed`);
    // The first ones are the compiler's.
    if (run >= 3) times.push((took * 1000) / calls);
  }
  return median(times);
}

/** What a filter reads of a request. The context is there already: a log comes before a filter. */
function requestFor(url: string): Request {
  const req = {
    method: 'GET',
    url,
    originalUrl: url,
    baseUrl: '',
    host: 'shop.example',
    headers: { host: 'shop.example' },
    rawHeaders: ['Host', 'shop.example', 'User-Agent', 'bench', 'Accept', '*/*', 'Cookie', 'a=b'],
    socket: { localPort: 443 },
  } as unknown as Request;
  contextOf(req);
  return req;
}

const response = Object.create(null) as Response;

function round(number: number): number {
  return Math.round(number * 100) / 100;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) benchUrlFilter();
