import type { Request } from 'express';
import type { Dispatcher } from 'undici';
import type { DirectHandler } from '../core/exchange/contract.ts';
import { bodyOf } from '../core/upstream/http1/body.ts';
import { Inspection, type BodyFields } from './inspection.ts';
import { Stoppable } from './stoppable.ts';
import { Upload } from './upload.ts';
import type { Watch } from './watch.ts';

/** Sends a request on, its body looked into on the way; or not at all. */
export function sendInspected(
  watch: Watch,
  req: Request,
  dispatch: Dispatcher['dispatch'],
  options: Dispatcher.DispatchOptions,
  handler: DirectHandler,
): boolean {
  const body = bodyOf(options.body);
  if (body === undefined) return dispatch(options, handler);
  if (Buffer.isBuffer(body)) return sendWhole(watch, body, dispatch, options, handler);
  const stoppable = new Stoppable(handler);
  const upload = new Upload(watch, body, fieldsOf(req), (begun) => {
    if (begun) watch.verdict.cut();
    stoppable.stop(watch.verdict.error);
  });
  if (watch.verdict.stopped) return refuse(watch, handler);
  return dispatch({ ...options, body: upload as never }, stoppable);
}

/** A body that is there already, as a body parser has left it: decoded. */
function sendWhole(
  watch: Watch,
  body: Buffer,
  dispatch: Dispatcher['dispatch'],
  options: Dispatcher.DispatchOptions,
  handler: DirectHandler,
): boolean {
  watch.sent(body.length);
  let answer = true;
  const inspection = new Inspection(
    watch.guard,
    'body',
    { encoding: undefined, type: undefined },
    {
      found: watch.verdict.found,
      onDrain: () => undefined,
      onEnd: () => {
        answer = watch.verdict.stopped ? refuse(watch, handler) : dispatch(options, handler);
      },
    },
  );
  inspection.write(body);
  inspection.end();
  return answer;
}

function refuse(watch: Watch, handler: DirectHandler): boolean {
  handler.onResponseError?.(undefined as never, watch.verdict.error);
  return true;
}

function fieldsOf({ headers }: Request): BodyFields {
  return { encoding: headers['content-encoding'], type: headers['content-type'] };
}
