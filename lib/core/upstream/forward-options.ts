import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ProxyError } from '../errors.ts';
import type { FieldList } from '../http/fields.ts';
import { count, func, oneOf, quote, schemaOf } from '../options.ts';
import { poolFields, type PoolOptions } from './pool-options.ts';
import type { ServerInput } from './server-input.ts';
import type { Upstream } from './upstream.ts';

/** Where requests go: one server, several, a pool shared with other mounts, or a function that says it per request. */
export type Target = StaticTarget | ((req: Request) => DynamicTarget | Promise<DynamicTarget>);
export type StaticTarget = string | URL | readonly ServerInput[] | Upstream;
export type DynamicTarget = string | URL | Upstream;

/** Fields to set, or with `null` or `false` to take out. */
export type FieldChanges = Readonly<Record<string, string | readonly string[] | null | false>>;

/** What `on.request` may look at and change: the request as it goes to the server. */
export interface RequestDraft {
  /** `host:port`. */
  readonly server: string;
  readonly method: string;
  /** With the server's base path. */
  path: string;
  readonly headers: FieldList;
}

/** What `on.response` may look at and change: the head of the answer as it goes to the client. */
export interface ResponseDraft {
  readonly server: string;
  status: number;
  readonly headers: FieldList;
}

export interface ForwardHooks {
  /** Before each attempt. */
  readonly request?: ((request: RequestDraft, req: Request) => void) | undefined;
  /** Before the head of the answer is written. */
  readonly response?: ((response: ResponseDraft, req: Request, res: Response) => void) | undefined;
  /**
   * When no answer could be had; may answer itself, a promise later. If it does not, the error goes to the
   * error handlers.
   */
  readonly error?:
    ((error: ProxyError, req: Request, res: Response) => void | Promise<void>) | undefined;
}

/** `'x'`: X-Forwarded-*; `'rfc7239'`: Forwarded. */
export type ForwardedOption = 'x' | 'rfc7239' | 'both' | false;

export type PathRewrite =
  Readonly<Record<string, string>> | ((path: string, req: Request) => string);

export interface ForwarderOptions extends PoolOptions {
  /**
   * Send the server its own name as Host; the client's is in X-Forwarded-Host. With `false` the client's
   * Host goes on as it is. @default true
   */
  readonly changeOrigin?: boolean | undefined;
  /** Keep the mount path in what the server is asked for. @default false */
  readonly keepPrefix?: boolean | undefined;
  /**
   * Changes the path before the server's own is put in front: a table of regular expressions and
   * replacements, of which the first that matches counts, or a function. The query is part of it. @default none
   */
  readonly pathRewrite?: PathRewrite | undefined;
  /** Fields to set or (`null`) take out. @default none */
  readonly headers?:
    | { readonly request?: FieldChanges | undefined; readonly response?: FieldChanges | undefined }
    | undefined;
  /**
   * How the server is told of the client. What the client itself sent of these fields goes on only when
   * Express' `trust proxy` trusts it. @default 'x'
   */
  readonly forwarded?: ForwardedOption | undefined;
  /** Our name in `Via` (RFC 9110 §7.6.3); `false` adds none. @default 'sekisho' */
  readonly via?: string | false | undefined;
  /** Pass upgrades (WebSocket) on; needs `attach()` or `serve()`. @default true */
  readonly ws?: boolean | undefined;
  /** Statuses for which the next handler of the app is called in place of the server's answer, e.g. `[404]`. @default none */
  readonly fallthrough?: readonly number[] | undefined;
  readonly on?: ForwardHooks | undefined;
}

/** RFC 9110 §7.6.3: a pseudonym, which may look like a host with its port. */
const viaName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?::\d{1,5})?$/;
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// eslint-disable-next-line no-control-regex -- exactly the bytes that must not be in a field value
const fieldValue = /^[^\0-\x08\x0a-\x1f\x7f\u0100-\uffff]*$/;
const ownFields: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function fieldChanges(): z.ZodType<FieldChanges> {
  const values = z.union([z.string(), z.array(z.string()), z.null(), z.literal(false)]);
  return z.record(z.string(), values).superRefine((changes, context) => {
    for (const [name, value] of Object.entries(changes)) {
      const problem = fieldProblem(name, value);
      if (problem !== undefined)
        context.addIssue({ code: 'custom', path: [name], message: problem });
    }
  });
}

/** What is wrong with a field somebody sets, in a sentence with a remedy; undefined when it is fine. */
export function fieldProblem(name: string, value: FieldChanges[string]): string | undefined {
  if (!fieldName.test(name)) return `${quote(name)} is no field name; use a token such as 'X-Name'`;
  if (ownFields.has(name.toLowerCase()))
    return `${quote(name)} belongs to the connection; leave it to the proxy`;
  const values = value === null || value === false ? [] : [value].flat();
  const wrong = values.find((single) => !fieldValue.test(single));
  return wrong === undefined
    ? undefined
    : `${quote(wrong)} has bytes no field may have; use printable latin1 characters`;
}

const rewriteRule = z.record(z.string(), z.string()).transform((rules, context) =>
  Object.entries(rules).map(([pattern, replacement]) => {
    try {
      return { pattern: new RegExp(pattern), replacement };
    } catch {
      context.addIssue({
        code: 'custom',
        path: [pattern],
        message: `${quote(pattern)} is no regular expression; use one such as '^/old/'`,
      });
      return { pattern: /(?!)/, replacement };
    }
  }),
);

export const forwarderSchema = schemaOf<ForwarderOptions>()({
  ...poolFields,
  changeOrigin: z.boolean().default(true),
  keepPrefix: z.boolean().default(false),
  pathRewrite: z.union([func<(path: string, req: Request) => string>(), rewriteRule]).optional(),
  headers: z
    .strictObject({ request: fieldChanges().optional(), response: fieldChanges().optional() })
    .default({}),
  forwarded: oneOf(['x', 'rfc7239', 'both', false]).default('x'),
  via: z
    .union([
      z.literal(false),
      z.string().regex(viaName, {
        error: ({ input }) =>
          `${quote(input)} is no pseudonym; use a token such as 'my-proxy', or false`,
      }),
    ])
    .default('sekisho'),
  ws: z.boolean().default(true),
  fallthrough: z.array(count(300, 599)).default([]),
  on: schemaOf<ForwardHooks>()({
    request: func<NonNullable<ForwardHooks['request']>>().optional(),
    response: func<NonNullable<ForwardHooks['response']>>().optional(),
    error: func<NonNullable<ForwardHooks['error']>>().optional(),
  }).default({}),
});

export type ParsedForwarderOptions = z.output<typeof forwarderSchema>;
