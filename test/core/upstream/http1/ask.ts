/** A client and a handler that notes everything, for the tests of the codec. */
import type { TestContext } from 'node:test';
import type { Dispatcher } from 'undici';
import { Http1Client } from '../../../../lib/core/upstream/http1/client.ts';
import type { UpstreamTls } from '../../../../lib/core/upstream/http1/socket.ts';
import type { ConnectionTimeouts } from '../../../../lib/core/upstream/http1/connection-owner.ts';
import type { BodySource } from '../../../../lib/core/upstream/http1/body.ts';

export function openClient(
  t: TestContext,
  url: string,
  timeouts: Partial<ConnectionTimeouts> = {},
  tls?: UpstreamTls,
): Http1Client {
  const client = new Http1Client(new URL(url), {
    timeouts: { connect: 2000, headers: 5000, idle: 5000, ...timeouts },
    tls,
  });
  t.after(() => {
    client.destroy();
  });
  return client;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  readonly trailers: Record<string, string | string[] | undefined>;
  readonly interim: readonly number[];
}

/** What happened to an exchange, as undici's contract tells it. */
export class Recorder implements Dispatcher.DispatchHandler {
  status = 0;
  message = '';
  headers: Answer['headers'] = {};
  trailers: Answer['trailers'] = {};
  readonly interim: number[] = [];
  readonly chunks: Buffer[] = [];
  readonly errors: Error[] = [];
  bytes = 0;
  ends = 0;
  controller: Dispatcher.DispatchController | undefined;
  readonly answer: Promise<Answer>;
  onHead: (() => void) | undefined;
  onPiece: ((chunk: Buffer) => void) | undefined;
  readonly #done: PromiseWithResolvers<Answer> = Promise.withResolvers();

  constructor() {
    this.answer = this.#done.promise;
    this.answer.catch(() => undefined);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Answer['headers'],
    message?: string,
  ): void {
    if (status < 200) {
      this.interim.push(status);
      return;
    }
    this.status = status;
    this.headers = headers;
    this.message = message ?? '';
    this.onHead?.();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.onPiece === undefined) this.chunks.push(chunk);
    else this.onPiece(chunk);
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: Answer['trailers']): void {
    this.ends++;
    this.trailers = trailers;
    this.#done.resolve({
      status: this.status,
      headers: this.headers,
      body: Buffer.concat(this.chunks),
      trailers,
      interim: this.interim,
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.errors.push(error);
    this.#done.reject(error);
  }
}

export type Ask = Omit<Partial<Dispatcher.DispatchOptions>, 'body'> & {
  readonly body?: Dispatcher.DispatchOptions['body'] | BodySource | undefined;
};

export function start(client: Pick<Http1Client, 'dispatch'>, options: Ask = {}): Recorder {
  const recorder = new Recorder();
  client.dispatch(
    { method: 'GET', path: '/', headers: ['Host', 'test'], ...options } as never,
    recorder,
  );
  return recorder;
}

export function ask(
  client: Pick<Http1Client, 'dispatch'>,
  path = '/',
  options: Ask = {},
): Promise<Answer> {
  return start(client, { path, ...options }).answer;
}

/** For `assert.rejects`: a ProxyError of this code. */
export function code(expected: string): (error: unknown) => boolean {
  return (error) => {
    const { code: actual, detail } = error as { code?: string; detail?: string };
    if (actual === expected) return true;
    throw new Error(`expected ${expected}, got ${String(error)} ${actual ?? ''} ${detail ?? ''}`, {
      cause: error,
    });
  };
}
