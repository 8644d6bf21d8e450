import { hostName, type RouteKey } from './key.ts';

/** The routes of one host, by path segment: finding one costs a lookup per segment, however many there are. */
interface Node<Route> {
  route: Route | undefined;
  readonly children: Map<string, Node<Route>>;
}

/** Where a request's Host may be found; made once per request, for all readings of its path. */
export type HostRoutes<Route> = readonly Node<Route>[];

/** Routes by host and prefix. Exact hosts come before wildcards, longer wildcards before shorter, all before none. */
export class RouteTable<Route> {
  readonly #any: Node<Route> = emptyNode();
  readonly #anyOnly: HostRoutes<Route> = [this.#any];
  readonly #hosts = new Map<string, Node<Route>>();
  #wildcards = false;
  #ports = false;

  /** Whether requests have to be told apart by their Host at all. */
  get knowsHosts(): boolean {
    return this.#hosts.size > 0;
  }

  /** @returns the route that has this key already, if one has */
  add(key: RouteKey, route: Route): Route | undefined {
    let node = this.#any;
    if (key.host !== undefined) {
      node = childOf(this.#hosts, key.host);
      this.#wildcards ||= key.host.startsWith('*.');
      this.#ports ||= /:\d+$/.test(key.host);
    }
    for (const segment of key.prefix.split('/').slice(1)) node = childOf(node.children, segment);
    if (node.route !== undefined) return node.route;
    node.route = route;
    return undefined;
  }

  /** The routes that may answer for a host, nearest first. */
  hostRoutes(hostname: string | undefined, port: number): HostRoutes<Route> {
    if (hostname === undefined || this.#hosts.size === 0) return this.#anyOnly;
    const found: Node<Route>[] = [];
    this.#collect(hostname, port, found);
    if (this.#wildcards) {
      for (let dot = hostname.indexOf('.'); dot !== -1; dot = hostname.indexOf('.', dot + 1))
        this.#collect(`*${hostname.slice(dot)}`, port, found);
    }
    if (found.length === 0) return this.#anyOnly;
    found.push(this.#any);
    return found;
  }

  #collect(host: string, port: number, found: Node<Route>[]): void {
    const withPort = this.#ports ? this.#hosts.get(hostName(host, port)) : undefined;
    if (withPort !== undefined) found.push(withPort);
    const node = this.#hosts.get(host);
    if (node !== undefined) found.push(node);
  }

  /** The route with the longest prefix of the path, on the nearest host that has one. */
  find(path: string, hosts: HostRoutes<Route> = this.#anyOnly): Route | undefined {
    for (const root of hosts) {
      const route = longest(root, path);
      if (route !== undefined) return route;
    }
    return undefined;
  }
}

function longest<Route>(root: Node<Route>, path: string): Route | undefined {
  let found = root.route;
  let node: Node<Route> | undefined = root;
  let start = 1;
  while (node.children.size > 0 && start < path.length) {
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    node = node.children.get(path.slice(start, end));
    if (node === undefined) break;
    found = node.route ?? found;
    start = end + 1;
  }
  return found;
}

function emptyNode<Route>(): Node<Route> {
  return { route: undefined, children: new Map() };
}

function childOf<Route>(children: Map<string, Node<Route>>, key: string): Node<Route> {
  let child = children.get(key);
  if (child === undefined) {
    child = emptyNode();
    children.set(key, child);
  }
  return child;
}
