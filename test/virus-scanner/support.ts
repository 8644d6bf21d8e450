import { request, type Server } from 'node:http';
import type { TestContext } from 'node:test';
import express, { type RequestHandler } from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import {
  virusScanner,
  type VirusScanner,
  type VirusScannerOptions,
} from '../../lib/virus-scanner/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import type { Transaction } from '../../lib/core/transaction.ts';
import { listen } from '../support/servers.ts';

/** What a client got. */
export interface Got {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
  /** The answer came to its end. */
  readonly whole: boolean;
}

/** Sends a request as it is, with no decoding of the answer. */
export function ask(
  url: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: Buffer | string } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', () => undefined);
      answer.on('close', () => {
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(chunks),
          whole: answer.complete,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** An origin, as a handler, and a gateway with the scanner in front of it. */
export interface Gateway {
  readonly url: string;
  readonly records: readonly Transaction[];
  readonly scanner: VirusScanner;
  readonly server: Server;
}

export type Kind = 'forwarder' | 'handler';

/** The same origin behind a forwarder, or as a handler of the gateway's own app. */
export async function gateway(
  t: TestContext,
  options: VirusScannerOptions,
  origin: RequestHandler,
  kind: Kind = 'forwarder',
  between: readonly RequestHandler[] = [],
): Promise<Gateway> {
  const records: Transaction[] = [];
  const app = express();
  app.use((req, _res, next) => {
    records.push(contextOf(req).transaction);
    next();
  });
  for (const handler of between) app.use(handler);
  const scanner = virusScanner(options);
  t.after(() => {
    scanner.close();
  });
  app.use(scanner);
  if (kind === 'handler') app.use(origin);
  else {
    const upstream = await listen(t, express().disable('x-powered-by').use(origin));
    const proxy = balancedProxy(upstream.url);
    t.after(() => proxy.close());
    app.use(proxy);
  }
  app.use(errorPages());
  const { url, server } = await listen(t, app);
  return { url, records, scanner, server };
}
