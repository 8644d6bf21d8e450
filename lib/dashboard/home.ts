/** As much of an Express app as has to be known. */
interface App {
  /** The app that it is mounted in. */
  readonly parent?: App;
  readonly router?: Stacked;
}

interface Stacked {
  readonly stack?: readonly Layer[];
}

interface Layer {
  readonly handle?: unknown;
  readonly route?: Stacked;
}

/** Routers in routers. */
const deepest = 8;

/** The apps that a handler is mounted in. */
export class Home {
  readonly #handler: object;
  /** By the outermost app: a request comes in there. */
  readonly #known: WeakMap<object, boolean> = new WeakMap();

  constructor(handler: object) {
    this.#handler = handler;
  }

  /** Whether requests of this app are of one that has the handler, in whichever of its apps and routers. */
  has(app: object): boolean {
    const root = rootOf(app);
    const known = this.#known.get(root);
    if (known !== undefined) return known;
    const has = this.#isIn(root.router, 0);
    this.#known.set(root, has);
    return has;
  }

  /** A request has come to the handler through this app: there are ways that routers do not show. */
  add(app: object): void {
    this.#known.set(rootOf(app), true);
  }

  #isIn(router: Stacked | undefined, depth: number): boolean {
    if (depth > deepest) return false;
    return (router?.stack ?? []).some(
      ({ handle, route }) =>
        handle === this.#handler ||
        this.#isIn(route, depth + 1) ||
        (typeof handle === 'function' && this.#isIn(handle as Stacked, depth + 1)),
    );
  }
}

function rootOf(app: App): App {
  let root = app;
  for (let depth = 0; root.parent !== undefined && depth < deepest; depth++) root = root.parent;
  return root;
}
