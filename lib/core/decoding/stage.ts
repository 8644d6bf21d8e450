import type { Transform } from 'node:stream';
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';
import type { Coding } from './codings.ts';
import { ZstdFrames } from './zstd-frames.ts';

/** What comes out of a stage. */
export interface StageOutlet {
  /** @returns false when no more is wanted until `resume()` */
  onData(chunk: Buffer): boolean;
  onEnd(): void;
  onDrain(): void;
  onBroken(detail: string): void;
}

type Inflater = Transform & { readonly bytesWritten: number };

const chunkSize = 64 * 1024;

/** RFC 9659 §3: for a window of more than 8 MB nobody has to find the memory. */
const zstdWindow = { params: { [constants.ZSTD_d_windowLogMax]: 23 }, chunkSize };

/** One coding being undone, by zlib's threads. */
export class Stage {
  readonly #coding: Coding;
  readonly #outlet: StageOutlet;
  #stream: Inflater | undefined;
  /** Bytes of `deflate` until there are enough to tell which one it is. */
  #first: Buffer | undefined;
  readonly #frames: ZstdFrames | undefined;
  #fed = 0;
  #ending = false;
  #ended = false;
  #over = false;

  constructor(coding: Coding, outlet: StageOutlet) {
    this.#coding = coding;
    this.#frames = coding === 'zstd' ? new ZstdFrames() : undefined;
    this.#outlet = outlet;
  }

  /** Bytes that what has come out was made of. */
  get consumed(): number {
    return this.#stream?.bytesWritten ?? 0;
  }

  /** @returns false when it is full, until `onDrain` */
  write(chunk: Buffer): boolean {
    if (this.#over || chunk.length === 0) return true;
    if (this.#ended) {
      this.#break('bytes follow the end');
      return true;
    }
    if (this.#stream === undefined) {
      const first = this.#first === undefined ? chunk : Buffer.concat([this.#first, chunk]);
      if (this.#coding === 'deflate' && first.length < 2) {
        this.#first = first;
        return true;
      }
      this.#first = undefined;
      return this.#feed(this.#open(first), first);
    }
    return this.#feed(this.#stream, chunk);
  }

  end(): void {
    if (this.#over || this.#ending) return;
    this.#ending = true;
    if (this.#ended) this.#finish();
    else if (this.#stream === undefined) this.#break('it ends before it begins');
    else this.#stream.end();
  }

  resume(): void {
    this.#stream?.resume();
  }

  destroy(): void {
    this.#over = true;
    this.#first = undefined;
    this.#stream?.destroy();
  }

  #feed(stream: Inflater, chunk: Buffer): boolean {
    this.#fed += chunk.length;
    this.#frames?.push(chunk);
    return stream.write(chunk);
  }

  #open(first: Buffer): Inflater {
    const stream = inflater(this.#coding, first);
    this.#stream = stream;
    stream
      .on('data', (chunk: Buffer) => {
        if (!this.#over && !this.#outlet.onData(chunk)) stream.pause();
      })
      .on('drain', () => {
        if (!this.#over) this.#outlet.onDrain();
      })
      .once('end', () => {
        this.#ended = true;
        if (this.#ending) this.#finish();
      })
      .on('error', (error) => {
        this.#break(error.message);
      });
    return stream;
  }

  #finish(): void {
    if (this.#over) return;
    // What the client's decoder ignores would be seen by nobody here.
    if (this.#stream?.bytesWritten !== this.#fed) this.#break('bytes follow the end');
    else if (this.#frames?.whole === false) this.#break('it is cut short');
    else {
      this.#over = true;
      this.#outlet.onEnd();
    }
  }

  #break(detail: string): void {
    if (this.#over) return;
    this.destroy();
    this.#outlet.onBroken(`${this.#coding}: ${detail}`);
  }
}

function inflater(coding: Coding, first: Buffer): Inflater {
  switch (coding) {
    case 'gzip':
      return createGunzip({ chunkSize });
    case 'br':
      return createBrotliDecompress({ chunkSize });
    case 'zstd':
      return createZstdDecompress(zstdWindow);
    case 'deflate':
      return hasZlibHeader(first) ? createInflate({ chunkSize }) : createInflateRaw({ chunkSize });
  }
}

/** RFC 1950 §2.2. Some servers send bare deflate (RFC 1951), and all browsers take it. */
function hasZlibHeader(first: Buffer): boolean {
  return ((first[0] as number) & 0x0f) === 8 && first.readUInt16BE(0) % 31 === 0;
}
