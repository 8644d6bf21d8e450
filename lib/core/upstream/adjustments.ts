import type { Request, Response } from 'express';
import type { Dispatcher } from 'undici';
import { ProxyError } from '../errors.ts';
import { FieldList } from '../http/fields.ts';
import { fieldProblem, type ParsedForwarderOptions } from './forward-options.ts';
import type { Prepare } from './sending.ts';
import type { Pool } from './pool.ts';
import type { AnswerDraft } from './reply-head.ts';
import { applyChanges, type PreparedChanges } from './request-fields.ts';
import type { Server } from './server.ts';

/** `on.request`, ready to be called for each attempt; undefined when there is none. */
export function preparer(options: ParsedForwarderOptions): Prepare | undefined {
  const hook = options.on.request;
  if (hook === undefined) return undefined;
  return function prepare(server, request, req): Dispatcher.DispatchOptions {
    const headers = new FieldList(request.headers as string[]);
    const draft = { server: server.name, method: request.method, path: request.path, headers };
    callHook('on.request', () => hook(draft, req));
    return { ...request, path: draft.path, headers: headers.toArray() };
  };
}

/** What adjusting an answer's head goes by. */
export interface AdjustmentPlan {
  readonly options: ParsedForwarderOptions;
  /** `headers.response`. */
  readonly answerChanges: PreparedChanges | undefined;
}

/** Whether `adjustAnswer` has anything to do. */
export function adjustsAnswers({ options, answerChanges }: AdjustmentPlan, pool: Pool): boolean {
  return (
    answerChanges !== undefined ||
    options.on.response !== undefined ||
    pool.options.sticky !== undefined
  );
}

/**
 * What is done to an answer's head before it is written: `headers.response`, the sticky cookie, `on.response`.
 *
 * @param server undefined when no server of the pool has answered, but a wrapper
 */
export function adjustAnswer(
  draft: AnswerDraft,
  { options, answerChanges }: AdjustmentPlan,
  { pool, req, res }: { readonly pool?: Pool; readonly req: Request; readonly res: Response },
  server: Server | undefined,
): void {
  if (answerChanges !== undefined) applyChanges(draft.fields, answerChanges);
  if (pool !== undefined) addStickyCookie(draft, { pool, req }, server);
  const hook = options.on.response;
  if (hook === undefined) return;
  const headers = new FieldList(draft.fields);
  const response = { server: server?.name ?? '', status: draft.status, headers };
  callHook('on.response', () => hook(response, req, res));
  // The status of an upgrade is a 101, which a hook may leave as it is.
  if (response.status !== draft.status) draft.status = judgedStatus(response.status);
  draft.fields = judgedFields(headers);
}

/** The sticky cookie is for one client: wrappers must not see it. */
export function addStickyCookie(
  draft: AnswerDraft,
  { pool, req }: { readonly pool: Pool; readonly req: Request },
  server: Server | undefined,
): void {
  const cookie = server === undefined ? undefined : pool.stickyCookie(req, server);
  if (cookie !== undefined) draft.fields.push('Set-Cookie', cookie);
}

function callHook(name: string, call: () => unknown): void {
  try {
    const result = call();
    if (!(result instanceof Promise)) return;
    // Its rejection would end the process.
    result.catch(() => undefined);
    throw new TypeError('it gave a promise; this hook has to be done when it returns');
  } catch (cause) {
    throw new ProxyError('ERR_SEKISHO_HOOK', { cause, detail: `${name} failed` });
  }
}

function judgedStatus(status: number): number {
  if (Number.isInteger(status) && status >= 200 && status <= 599) return status;
  throw new ProxyError('ERR_SEKISHO_HOOK', {
    detail: `on.response set the status ${String(status)}; use 200 to 599`,
  });
}

function judgedFields(headers: FieldList): string[] {
  for (const [name, value] of headers) {
    const problem = fieldProblem(name, value);
    if (problem !== undefined)
      throw new ProxyError('ERR_SEKISHO_HOOK', { detail: `on.response set a field: ${problem}` });
  }
  return headers.toArray();
}
