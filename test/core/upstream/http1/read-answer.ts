/** Runs the parser alone over bytes cut at given places. */
import type { AnswerHead } from '../../../../lib/core/upstream/http1/answer-head.ts';
import { AnswerError } from '../../../../lib/core/upstream/http1/answer-error.ts';
import {
  AnswerParser,
  type AnswerSink,
} from '../../../../lib/core/upstream/http1/answer-parser.ts';

export interface Read {
  status: number;
  message: string;
  fields: string[];
  interim: number[];
  body: string;
  trailers: string[];
  complete: boolean;
  keepAlive: boolean;
  upgraded: string | undefined;
  /** Why it was refused; only AnswerErrors are noted, others are thrown. */
  refused: string | undefined;
}

export interface ReadOptions {
  readonly method?: string;
  readonly upgrade?: boolean;
  /** Positions at which the bytes are cut into reads. */
  readonly cuts?: readonly number[];
  /** The server closes behind the last byte. */
  readonly close?: boolean;
}

export function readAnswer(
  bytes: string,
  { method = 'GET', upgrade = false, cuts = [], close = true }: ReadOptions = {},
): Read {
  const read: Read = {
    status: 0,
    message: '',
    fields: [],
    interim: [],
    body: '',
    trailers: [],
    complete: false,
    keepAlive: false,
    upgraded: undefined,
    refused: undefined,
  };
  const onHead = (head: AnswerHead): void => {
    read.status = head.status;
    read.message = head.message;
    read.fields = head.fields;
  };
  const onBody = (chunk: Buffer, start: number, end: number): void => {
    read.body += chunk.toString('latin1', start, end);
  };
  const onEnd = (trailers: string[]): void => {
    read.complete = true;
    read.trailers = trailers;
    read.keepAlive = parser.keepAlive;
  };
  const sink: AnswerSink = {
    onHead,
    onBody,
    onEnd,
    onInterim: (head) => read.interim.push(head.status),
    onUpgrade: (head, chunk, start, end) => {
      onHead(head);
      read.complete = true;
      read.upgraded = chunk.toString('latin1', start, end);
    },
    onWhole: (head, chunk, start, end) => {
      onHead(head);
      onBody(chunk, start, end);
      onEnd([]);
    },
  };
  const parser: AnswerParser = new AnswerParser(sink);
  parser.begin(method, upgrade);
  // The same memory for each read, as the client does it: nothing may be kept by reference.
  const memory = Buffer.alloc(Math.max(bytes.length, 1));
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  try {
    for (let index = 1; index < places.length; index++) {
      const piece = bytes.slice(places[index - 1], places[index]);
      if (piece === '' || read.upgraded !== undefined) continue;
      memory.fill(0xff);
      memory.write(piece, 'latin1');
      parser.execute(memory, 0, piece.length);
    }
    if (close && !read.complete) parser.finish();
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    read.refused = error.message;
  }
  return read;
}
