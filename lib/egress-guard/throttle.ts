import type { Dispatcher } from 'undici';

type Controller = Dispatcher.DispatchController;

/** A controller that two can pause: whoever takes the answer, and who looks at it before. */
export class Throttle implements Controller {
  readonly #controller: Controller;
  #theirs = false;
  #ours = false;

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  get aborted(): boolean {
    return this.#controller.aborted;
  }

  get paused(): boolean {
    return this.#controller.paused;
  }

  get reason(): Error | null {
    return this.#controller.reason;
  }

  get rawHeaders(): NonNullable<Controller['rawHeaders']> | null {
    return this.#controller.rawHeaders ?? null;
  }

  get rawTrailers(): NonNullable<Controller['rawTrailers']> | null {
    return this.#controller.rawTrailers ?? null;
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  pause(): void {
    this.#theirs = true;
    this.#controller.pause();
  }

  resume(): void {
    this.#theirs = false;
    if (!this.#ours) this.#controller.resume();
  }

  hold(): void {
    this.#ours = true;
    this.#controller.pause();
  }

  letGo(): void {
    if (!this.#ours) return;
    this.#ours = false;
    if (!this.#theirs) this.#controller.resume();
  }
}
