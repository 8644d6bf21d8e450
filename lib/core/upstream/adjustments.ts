import type { Request, Response } from 'express';
import type { Dispatcher } from 'undici';
import { ProxyError } from '../errors.ts';
import { FieldList } from '../http/fields.ts';
import { fieldProblem, type ParsedForwarderOptions } from './forward-options.ts';
import type { Prepare } from './delivery.ts';
import type { Pool } from './pool.ts';
import type { AnswerDraft } from './reply.ts';
import { applyChanges, prepareChanges } from './request-fields.ts';
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

/** What is done to an answer's head before it is written; undefined when nothing is. */
export function adjuster(
  options: ParsedForwarderOptions,
  pool: Pool,
  req: Request,
  res: Response,
  answeredBy: () => Server | undefined,
): ((draft: AnswerDraft) => void) | undefined {
  const changes = prepareChanges(options.headers.response);
  const hook = options.on.response;
  if (changes === undefined && hook === undefined && pool.options.sticky === undefined)
    return undefined;
  return function adjust(draft): void {
    if (changes !== undefined) applyChanges(draft.fields, changes);
    const server = answeredBy();
    const cookie = server === undefined ? undefined : pool.stickyCookie(req, server);
    if (cookie !== undefined) draft.fields.push('Set-Cookie', cookie);
    if (hook === undefined) return;
    const headers = new FieldList(draft.fields);
    const response = { server: server?.name ?? '', status: draft.status, headers };
    callHook('on.response', () => hook(response, req, res));
    draft.status = judgedStatus(response.status);
    draft.fields = judgedFields(headers);
  };
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
