import type { Dispatcher } from 'undici';
import type { Interceptor } from '../context.ts';
import { asDirect, type DirectHandler } from './contract.ts';
import { PassingOn } from './passing-on.ts';

export type ChangeHead = (status: number, fields: readonly string[]) => readonly string[];

/** Changes the fields of the final head, and nothing else. */
export function changeHead(change: ChangeHead): Interceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, new HeadChange(asDirect(handler), change));
}

/** Hands an answer on as it comes, with the fields of its final head changed. */
export class HeadChange extends PassingOn {
  readonly #change: ChangeHead;

  constructor(handler: DirectHandler, change: ChangeHead) {
    super(handler);
    this.#change = change;
  }

  override onDirectStart(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    const shown = status < 200 ? fields : this.#change(status, fields);
    super.onDirectStart(controller, status, shown, message);
  }

  override onDirectWhole(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    super.onDirectWhole(controller, status, this.#change(status, fields), message, body);
  }
}
