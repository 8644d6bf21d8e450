/** A server behind the proxy, in a process of its own: it can be told to be slow, to fail, and it can be killed. */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { answerQuestions, optionsOfProcess } from './answering.ts';
import { content } from './content.ts';

export interface Behaviour {
  /** Milliseconds before an answer. */
  readonly delay?: number;
  /** Part of the requests that get a 500. */
  readonly errorShare?: number;
  /** Status of every answer. */
  readonly status?: number;
  /** Part of the connections that are reset as soon as they stand. */
  readonly resetShare?: number;
  /** Ends every connection after one answer. */
  readonly closing?: boolean;
}

export interface UpstreamProcessOptions extends Behaviour {
  readonly port: number;
  readonly name: string;
  /** Where the ids of executed POSTs are written. */
  readonly journal: string;
}

const pieceLength = 16 * 1024;

const { port, name, journal, ...initial } = optionsOfProcess() as UpstreamProcessOptions;
let behaviour: Behaviour = { delay: 5, ...initial };
const counts = { requests: 0, probes: 0, resets: 0 };
/** Of the connections that are to be reset, those that were not yet. */
let owed = 0;

const server = createServer((req, res) => {
  void answer(req, res).catch(() => res.destroy());
});

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://upstream');
  const { delay = 0, errorShare = 0, status = 200, closing = false } = behaviour;
  res.setHeader('X-Server', name);
  if (closing) res.setHeader('Connection', 'close');
  if (pathname === '/health') {
    counts.probes++;
    res.end('well');
    return;
  }
  counts.requests++;
  const number = Number(pathname.split('/')[2]);
  if (pathname.startsWith('/post/')) {
    // Executed as soon as it has arrived, answered later: what a kill in between does must be seen.
    req.resume();
    await once(req, 'end');
    appendFileSync(journal, `${pathname}\n`);
  }
  await pause(Number(searchParams.get('delay') ?? delay));
  if (pathname.startsWith('/bytes/')) await sendBytes(res, number, searchParams);
  else if (pathname === '/upload') {
    const hash = createHash('sha256');
    for await (const chunk of req) hash.update(chunk as Buffer);
    res.end(hash.digest('hex'));
  } else {
    res.statusCode = Math.random() < errorShare ? 500 : status;
    res.end('a small answer');
  }
}

/** Sends content in pieces with a pause after each, with or without its length. */
async function sendBytes(
  res: ServerResponse,
  length: number,
  query: URLSearchParams,
): Promise<void> {
  const bytes = content(length);
  const wait = Number(query.get('pause') ?? 0);
  if (!query.has('chunked')) res.setHeader('Content-Length', length);
  for (let at = 0; at < length; at += pieceLength) {
    if (!res.write(bytes.subarray(at, at + pieceLength))) await once(res, 'drain');
    if (wait > 0) await pause(wait);
  }
  res.end();
}

server.prependListener('connection', (socket) => {
  socket.on('error', () => undefined);
  // Spread evenly and not by chance, beginning with a reset: a kept connection leaves few of them.
  owed += behaviour.resetShare ?? 0;
  if (owed < 0.5) return;
  owed -= 1;
  counts.resets++;
  socket.resetAndDestroy();
});

const webSockets = new WebSocketServer({ server });
webSockets.on('connection', (socket) => {
  socket.on('message', (message, binary) => socket.send(message, { binary }));
  socket.on('error', () => undefined);
});

// A restarted server does what a good one does: finishes, then goes.
process.once('SIGTERM', () => {
  server.close(() => process.exit());
  // Node leaves connections that were busy open for further requests, and a proxy has further requests.
  behaviour = { ...behaviour, closing: true };
  setInterval(() => server.closeIdleConnections(), 20);
});

server.listen(port, '127.0.0.1', () => {
  answerQuestions(
    { port },
    {
      behave(changes: Behaviour) {
        behaviour = { ...behaviour, ...changes };
      },
      counts: () => counts,
    },
  );
});
