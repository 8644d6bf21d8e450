import type { RequestHandler } from 'express';
import { OptionsError } from '../core/errors.ts';
import { parseOptions, quote } from '../core/options.ts';
import { forwarderSchema } from '../core/upstream/forward-options.ts';
import {
  createForwarder,
  type Forwarder,
  type ForwarderOptions,
} from '../core/upstream/forward.ts';
import { poolFields } from '../core/upstream/pool-options.ts';
import { Upstream } from '../core/upstream/upstream.ts';
import { readKey, type RouteKey } from './key.ts';
import { RouteTable } from './route-table.ts';
import { StickyNames } from './sticky-names.ts';
import { isPlainObject, readRouteValue, type RouteReading } from './route-value.ts';

interface RouteBase {
  /** The key as the user wrote it. */
  readonly name: string;
  readonly key: RouteKey;
  /** Target and options, as given; those shared by all routes are among them. */
  readonly options: Readonly<Record<string, unknown>>;
}

export type Route = RouteBase &
  (
    | { readonly forwarder: Forwarder; readonly handler: undefined }
    | { readonly forwarder: undefined; readonly handler: RequestHandler }
  );

/**
 * Makes the table of all routes.
 *
 * @throws {OptionsError} with the problems of all routes, when there are any
 */
export function readRoutes(
  middleware: string,
  routes: unknown,
  shared: ForwarderOptions,
): { table: RouteTable<Route>; list: readonly Route[] } {
  if (!isPlainObject(routes))
    throw new OptionsError(middleware, [
      `${quote(routes)} is no table of routes; use an object such as { '/blog': 'http://127.0.0.1:8080' }`,
    ]);
  const entries = Object.entries(routes);
  if (entries.length === 0)
    throw new OptionsError(middleware, [
      "an empty object has no routes; add one such as { '/blog': 'http://127.0.0.1:8080' }",
    ]);

  const table = new RouteTable<Route>();
  const list: Route[] = [];
  const stickyNames = new StickyNames();
  const problems = [...problemsOf(middleware, shared)];
  const defaults = problems.length === 0 ? shared : {};
  for (const [name, value] of entries) {
    const found = readRoute(middleware, name, value, defaults, stickyNames);
    if (!('key' in found)) {
      problems.push(...found);
      continue;
    }
    list.push(found);
    const taken = table.add(found.key, found);
    if (taken !== undefined)
      problems.push(`${quote(name)} is the same as ${quote(taken.name)}; keep one of the two`);
  }
  if (problems.length === 0) return { table, list };
  for (const { forwarder } of list) void forwarder?.close();
  throw new OptionsError(middleware, problems);
}

function readRoute(
  middleware: string,
  name: string,
  value: unknown,
  shared: ForwarderOptions,
  stickyNames: StickyNames,
): Route | readonly string[] {
  const key = readKey(name);
  const reading = readRouteValue(value);
  const problems: string[] = [];
  if (typeof key === 'string') problems.push(`${quote(name)} ${key}`);
  if (typeof reading === 'string') problems.push(`${quote(name)}: ${reading}`);
  if (typeof key === 'string' || typeof reading === 'string') return problems;
  if (reading.kind === 'handler')
    return { name, key, options: {}, handler: reading.handler, forwarder: undefined };
  const twice = stickyNames.add(name, reading);
  if (twice !== undefined) return [twice];
  try {
    const options = optionsOf(reading, shared);
    const forwarder = createForwarder(middleware, reading.target, options);
    return {
      name,
      key,
      options: { target: reading.target, ...options },
      handler: undefined,
      forwarder,
    };
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    return error.problems.map((problem) => `${quote(name)}: ${problem}`);
  }
}

function optionsOf(
  { target, options }: RouteReading & { kind: 'target' },
  shared: ForwarderOptions,
): ForwarderOptions {
  const own = Object.entries(options).filter(([, value]) => value !== undefined);
  const usable = target instanceof Upstream ? withoutPoolOptions(shared) : shared;
  return { ...usable, ...Object.fromEntries(own) };
}

/** What is shared by routes with pools of their own can't concern a pool that is there already. */
function withoutPoolOptions(shared: ForwarderOptions): ForwarderOptions {
  return Object.fromEntries(
    Object.entries(shared).filter(([name]) => !Object.hasOwn(poolFields, name)),
  );
}

/** Judged once for all routes, so that a mistake is told once. */
function problemsOf(middleware: string, shared: ForwarderOptions): readonly string[] {
  try {
    parseOptions(middleware, forwarderSchema, shared);
    return [];
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    return error.problems.map((problem) => `shared: ${problem}`);
  }
}
