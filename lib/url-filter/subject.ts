import type { Finding, Listings } from './listings.ts';

export interface Place {
  /** As patterns have it; undefined when no rule asks for it. */
  readonly hostname: string | undefined;
  readonly port: number;
  /** All ways to read the path; a tunnel's is `undefined`, for nobody sees it. */
  readonly paths: readonly (string | undefined)[];
  /** Path and query, for lists of URLs. */
  readonly target: string;
}

/** What is judged of a request. */
export class Subject {
  readonly method: string;
  readonly hostname: string | undefined;
  readonly port: number;
  readonly paths: readonly (string | undefined)[];
  readonly #target: string;
  readonly #listings: Listings;
  #findings: readonly Finding[] | undefined;

  constructor(method: string, { hostname, port, paths, target }: Place, listings: Listings) {
    this.method = method;
    this.hostname = hostname;
    this.port = port;
    this.paths = paths;
    this.#target = target;
    this.#listings = listings;
  }

  /** What the lists say, looked up when first asked for. */
  get findings(): readonly Finding[] {
    return (this.#findings ??=
      this.hostname === undefined ? [] : this.#listings.find(this.hostname, this.#target));
  }

  isIn(categories: ReadonlySet<string>): boolean {
    return this.findings.some(({ category }) => categories.has(category));
  }
}
