import { readClientHello, type HelloReading } from '../http/client-hello.ts';

/** Gathers the first bytes of a client until its ClientHello can be read, or is none. */
export class HelloPeek {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #needs = 1;

  /** @returns undefined while there is more to come */
  push(chunk: Uint8Array): Exclude<HelloReading, { needs: number }> | undefined {
    // A copy: the memory is somebody else's, and may be read into again.
    this.#chunks.push(Buffer.from(chunk));
    this.#length += chunk.length;
    if (this.#length < this.#needs) return undefined;
    const reading = readClientHello(Buffer.concat(this.#chunks));
    if (!('needs' in reading)) return reading;
    this.#needs = reading.needs;
    return undefined;
  }
}
