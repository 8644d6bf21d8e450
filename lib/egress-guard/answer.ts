import type { Dispatcher } from 'undici';
import { clock } from '../core/clock.ts';
import { DirectListener, type DirectHandler } from '../core/exchange/contract.ts';
import { inspectFields } from './head.ts';
import { Inspection } from './inspection.ts';
import { Tail } from './tail.ts';
import { Throttle } from './throttle.ts';
import type { Watch } from './watch.ts';

type Controller = Dispatcher.DispatchController;

interface Head {
  readonly status: number;
  readonly fields: readonly string[];
  readonly message: string;
}

/** An answer that stops in its middle is not held back longer than that (milliseconds). */
const longestSilence = 2000;

/**
 * An answer on its way to the client: counted, looked into, and in block mode held back by some bytes, its head with them. When
 * it is stopped after the head has gone, the connection is cut.
 */
export class Answer extends DirectListener {
  readonly #watch: Watch;
  readonly #handler: DirectHandler;
  readonly #bodyless: boolean;
  #tail: Tail;
  #holds: boolean;
  #controller: Throttle | undefined;
  #inspection: Inspection | undefined;
  /** Of the final answer, until it goes on. */
  #head: Head | undefined;
  #trailers: readonly string[] | undefined;
  #inspected = false;
  #over = false;
  #failed = false;
  #bytes = 0;
  #bytesThen = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(watch: Watch, handler: DirectHandler, method: string) {
    super();
    this.#watch = watch;
    this.#handler = handler;
    this.#bodyless = method === 'HEAD';
    this.#tail = new Tail(watch.hold);
    this.#holds = watch.hold > 0;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#controller = new Throttle(controller);
    this.#handler.onRequestStart?.(this.#controller, context);
  }

  onDirectStart(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    if (this.#over) return;
    const own = this.#own(controller);
    if (status < 200) {
      this.#handler.onDirectStart(own, status, fields, message);
      return;
    }
    this.#head = { status, fields, message };
    this.#inspectFields(fields, 'field');
    const type = fieldOf(fields, 'content-type');
    // Its reader waits for each event.
    if (type?.startsWith('text/event-stream') === true) this.#tail = new Tail(0);
    if (this.#bodyless || status === 204 || status === 304) this.#inspected = true;
    else this.#inspect(fields, type);
    if (this.#halt()) return;
    if (!this.#holds) this.#sendHead();
    else this.#watchSilence();
  }

  onDirectWhole(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    // It is all here, so it costs nothing to hold it.
    this.#tail = new Tail(Infinity);
    this.#holds = true;
    this.onDirectStart(controller, status, fields, message);
    if (body !== '') this.onDirectData(controller, Buffer.from(body, 'latin1'));
    this.onDirectEnd(controller, []);
  }

  onDirectData(controller: Controller, chunk: Buffer): boolean {
    if (this.#over) return true;
    this.#bytes += chunk.length;
    this.#watch.sent(chunk.length);
    if (this.#inspection?.write(chunk) === false) this.#own(controller).hold();
    if (this.#halt()) return true;
    for (const free of this.#tail.push(chunk)) this.#send(free);
    // Some of it is still held, here or by the inspection.
    return false;
  }

  onDirectEnd(_controller: Controller, trailers: readonly string[]): void {
    if (this.#over) return;
    this.#trailers = trailers;
    this.#inspectFields(trailers, 'trailer');
    if (this.#inspected) this.#finish();
    else this.#inspection?.end();
  }

  onResponseError(controller: Controller, error: Error): void {
    if (this.#over && !this.#watch.verdict.stopped) return;
    this.#end();
    this.#fail(controller, error);
  }

  #fail(controller: Controller | undefined, error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#handler.onResponseError?.(controller as Controller, error);
  }

  #own(controller: Controller): Throttle {
    return (this.#controller ??= new Throttle(controller));
  }

  #inspectFields(fields: readonly string[], part: 'field' | 'trailer'): void {
    const { guard, verdict } = this.#watch;
    inspectFields(guard, fields, part, verdict.found);
  }

  #inspect(fields: readonly string[], type: string | undefined): void {
    this.#inspection = new Inspection(
      this.#watch.guard,
      'answer',
      { encoding: fieldOf(fields, 'content-encoding'), type },
      {
        found: this.#watch.verdict.found,
        onDrain: () => {
          if (!this.#halt()) this.#controller?.letGo();
        },
        onEnd: () => {
          this.#inspected = true;
          this.#finish();
        },
      },
    );
  }

  #finish(): void {
    if (this.#halt() || this.#trailers === undefined || !this.#inspected) return;
    const trailers = this.#trailers;
    this.#sendHead();
    for (const chunk of this.#tail.release()) this.#send(chunk);
    this.#end();
    this.#handler.onDirectEnd(this.#controller as Throttle, trailers);
  }

  #send(chunk: Buffer): void {
    this.#sendHead();
    this.#handler.onDirectData(this.#controller as Throttle, chunk);
  }

  #sendHead(): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    this.#handler.onDirectStart(
      this.#controller as Throttle,
      head.status,
      head.fields,
      head.message,
    );
  }

  #end(): void {
    this.#over = true;
    this.#cancelTimer?.();
    this.#tail.drop();
    this.#inspection?.stop();
  }

  /** @returns whether nothing more goes on */
  #halt(): boolean {
    const { verdict } = this.#watch;
    if (this.#over || !verdict.stopped) return this.#over;
    if (this.#head === undefined) verdict.cut();
    this.#end();
    this.#controller?.abort(verdict.error);
    // Where all had come already there was nothing to abort.
    this.#fail(this.#controller, verdict.error);
    return true;
  }

  #watchSilence(): void {
    this.#bytesThen = this.#bytes;
    this.#cancelTimer = clock.after(longestSilence, () => {
      if (this.#over) return;
      if (this.#bytes === this.#bytesThen) {
        this.#inspection?.flush();
        if (this.#halt()) return;
        this.#sendHead();
        for (const chunk of this.#tail.release(this.#inspection?.plain === true ? 0 : 1))
          this.#send(chunk);
      }
      this.#watchSilence();
    });
  }
}

function fieldOf(fields: readonly string[], name: string): string | undefined {
  const values: string[] = [];
  for (let index = 0; index < fields.length; index += 2)
    if ((fields[index] as string).toLowerCase() === name) values.push(fields[index + 1] as string);
  return values.length === 0 ? undefined : values.join(', ');
}
