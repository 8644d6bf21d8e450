/** A log that keeps its lines, in front of an app. */
import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import express, { type Express } from 'express';
import { accessLog, type AccessLog, type AccessLogOptions } from '../../lib/access-log/index.ts';
import { listen, until } from '../support/servers.ts';

export interface Logged {
  readonly app: Express;
  readonly log: AccessLog;
  readonly url: string;
  readonly port: number;
  /** Waits for so many lines, and gives them. */
  readonly lines: (count: number) => Promise<string[]>;
  readonly json: (count: number) => Promise<Record<string, unknown>[]>;
}

export async function logged(
  t: TestContext,
  options: AccessLogOptions,
  prepare: (app: Express) => void = answers,
): Promise<Logged> {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString('utf8');
      done();
    },
  });
  const log = accessLog({ stream, ...options });
  t.after(() => log.close());
  const app = express().use(log);
  prepare(app);
  const { url, port } = await listen(t, app);
  const lines = async (count: number): Promise<string[]> => {
    await until(
      async () => {
        await log.flush();
        return text.split('\n').length > count;
      },
      `${count} lines in ${JSON.stringify(text)}`,
    );
    return text.trimEnd().split('\n');
  };
  const json = async (count: number): Promise<Record<string, unknown>[]> =>
    (await lines(count)).map((line) => JSON.parse(line) as Record<string, unknown>);
  return { app, log, url, port, lines, json };
}

function answers(app: Express): void {
  app.get('/fails', (_req, res) => void res.sendStatus(503));
  app.use((_req, res) => void res.send('hello'));
}
