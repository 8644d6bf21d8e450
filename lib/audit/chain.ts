import { OptionsError } from '../core/errors.ts';
import { quote } from '../core/options.ts';
import { ClosureReader } from './closure.ts';
import { stepOf, type Handle, type Layer } from './layer.ts';
import { Link, type AppSettings } from './link.ts';
import { Mount, prefixStep } from './mount.ts';
import { nameOf, ownValue, recognise, type Role } from './roles.ts';

interface ExpressApp extends AppSettings {
  readonly router: { readonly stack: readonly Layer[] };
}

/** What is nested deeper, or mounted within itself, is left out. */
const deepest = 20;
/** A route with more methods than anybody lists is one for all. */
const mostMethods = 20;
/** A chain longer than this is read this far. */
const mostLinks = 20_000;

/** The handlers of an app in the order in which requests meet them, nested routers and apps unfolded. */
export class Chain {
  readonly links: readonly Link[];
  readonly forwarders: readonly Link[];
  readonly app: AppSettings;
  readonly #found: Map<string, readonly Link[]> = new Map();

  constructor(app: AppSettings, links: readonly Link[]) {
    this.app = app;
    this.links = links;
    this.forwarders = links.filter(({ forwards }) => forwards);
  }

  with(...roles: readonly Role[]): readonly Link[] {
    const key = roles.join();
    let found = this.#found.get(key);
    if (found === undefined) {
      found = this.links.filter(({ role }) => roles.includes(role));
      this.#found.set(key, found);
    }
    return found;
  }

  /** A variable that a handler closes over. */
  variableOf(link: Link, name: string): unknown {
    const reader = new ClosureReader();
    try {
      return reader.read(link.handler, name)?.value;
    } finally {
      reader.close();
    }
  }
}

/** @throws {OptionsError} when this is no app of Express 5 */
export function readChain(name: string, given: unknown, known: ReadonlyMap<string, Role>): Chain {
  if (!isApp(given))
    throw new OptionsError(name, [
      `app: ${quote(given)} is no Express 5 app; pass what express() returns`,
    ]);
  const reading = new Reading(known);
  try {
    reading.read(given.router.stack, new Mount(), given, 0);
    return new Chain(given, reading.links);
  } finally {
    reading.close();
  }
}

function isApp(given: unknown): given is ExpressApp {
  if (typeof given !== 'function') return false;
  const { handle, set, get } = given as { handle?: unknown; set?: unknown; get?: unknown };
  if (typeof handle !== 'function' || typeof set !== 'function' || typeof get !== 'function')
    return false;
  const { router } = given as unknown as { router?: { stack?: unknown } };
  return Array.isArray(router?.stack);
}

class Reading {
  readonly links: Link[] = [];
  readonly #known: ReadonlyMap<string, Role>;
  #closures: ClosureReader | undefined;

  constructor(known: ReadonlyMap<string, Role>) {
    this.#known = known;
  }

  close(): void {
    this.#closures?.close();
  }

  read(stack: readonly Layer[], mount: Mount, app: ExpressApp, depth: number): void {
    for (const layer of stack) {
      if (this.links.length >= mostLinks || depth > deepest) return;
      const here = mount.with(stepOf(layer, this.#reader));
      if (layer.route !== undefined) this.#readRoute(layer.route.stack, here, app, depth);
      else this.#readHandler(layer.handle, here, app, depth);
    }
  }

  #readRoute(stack: readonly Layer[], mount: Mount, app: ExpressApp, depth: number): void {
    for (const [handle, methods] of methodsOf(stack)) {
      const found = recognise(handle, this.#known, this.#variable);
      const role = found.role === 'unknown' ? 'route' : found.role;
      this.#add({ ...found, role }, handle, mount, app, depth, methods);
    }
  }

  #readHandler(handle: Handle, mount: Mount, app: ExpressApp, depth: number): void {
    const mounted = this.#mountedApp(handle);
    if (mounted !== undefined) {
      this.#add({ role: 'app', name: 'app', info: undefined }, handle, mount, app, depth);
      this.read(mounted.router.stack, mount, mounted, depth + 1);
    } else if (Array.isArray(ownValue(handle, 'stack'))) {
      this.#add({ role: 'router', name: 'router', info: undefined }, handle, mount, app, depth);
      this.read(handle.stack ?? [], mount, app, depth + 1);
    } else {
      const found = recognise(handle, this.#known, this.#variable);
      this.#add(found, handle, mount, app, depth);
      for (const { prefix, handler } of found.info?.forwards?.handlers ?? [])
        if (this.links.length < mostLinks && depth < deepest)
          this.#readHandler(handler as Handle, mount.with(prefixStep(prefix)), app, depth + 1);
    }
  }

  #add(
    { role, name, info }: ReturnType<typeof recognise>,
    handler: object,
    mount: Mount,
    app: AppSettings,
    depth: number,
    methods?: ReadonlySet<string>,
  ): void {
    const index = this.links.length + 1;
    this.links.push(new Link({ index, name, role, info, handler, mount, app, depth, methods }));
  }

  /** Express keeps an app that is mounted in another one in a closure of its `mounted_app`. */
  #mountedApp(handle: Handle): ExpressApp | undefined {
    if (nameOf(handle) !== 'mounted_app') return undefined;
    const app = this.#reader().read(handle, 'fn')?.value;
    return isApp(app) ? app : undefined;
  }

  readonly #variable = (fn: object, name: string): unknown => this.#reader().read(fn, name)?.value;

  readonly #reader = (): ClosureReader => (this.#closures ??= new ClosureReader());
}

/** The handlers of a route with their methods; `route.all()` adds a layer for each method there is. */
function methodsOf(stack: readonly Layer[]): ReadonlyMap<Handle, ReadonlySet<string> | undefined> {
  const handlers = new Map<Handle, Set<string> | undefined>();
  for (const { handle, method } of stack) {
    const methods = handlers.get(handle);
    if (typeof method !== 'string') handlers.set(handle, undefined);
    else if (methods !== undefined) methods.add(method.toUpperCase());
    else if (!handlers.has(handle)) handlers.set(handle, new Set([method.toUpperCase()]));
  }
  for (const [handle, methods] of handlers)
    if (methods !== undefined && methods.size > mostMethods) handlers.set(handle, undefined);
  return handlers;
}
