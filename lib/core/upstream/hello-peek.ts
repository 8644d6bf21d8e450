import { readClientHello, type HelloReading } from '../http/client-hello.ts';

/** Gathers the first bytes of a client until its ClientHello can be read, or is none. */
export class HelloPeek {
  #bytes: Buffer = Buffer.alloc(0);
  #needs = 1;

  /** @returns undefined while there is more to come */
  push(chunk: Uint8Array): Exclude<HelloReading, { needs: number }> | undefined {
    this.#bytes =
      this.#bytes.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#bytes, chunk]);
    if (this.#bytes.length < this.#needs) return undefined;
    const reading = readClientHello(this.#bytes);
    if (!('needs' in reading)) return reading;
    this.#needs = reading.needs;
    return undefined;
  }
}
