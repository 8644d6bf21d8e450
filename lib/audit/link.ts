import type { Forwards, MiddlewareInfo, Way } from '../core/middleware.ts';
import { forwardsOf } from './foreign-proxy.ts';
import { prefixStep, type Mount } from './mount.ts';
import type { Role } from './roles.ts';

/** One handler of the chain, where a request meets it. */
export class Link {
  /** From 1, in the order in which requests meet them. */
  readonly index: number;
  readonly name: string;
  readonly role: Role;
  readonly mount: Mount;
  /** Upper-case; undefined for all. */
  readonly methods: ReadonlySet<string> | undefined;
  readonly info: MiddlewareInfo | undefined;
  readonly handler: object;
  /** The Express app whose settings are in force here. */
  readonly app: AppSettings;
  readonly depth: number;
  #ways: readonly ForwardWay[] | undefined;

  constructor(parts: LinkParts) {
    this.index = parts.index;
    this.name = parts.name;
    this.role = parts.role;
    this.mount = parts.mount;
    this.methods = parts.methods;
    this.info = parts.info;
    this.handler = parts.handler;
    this.app = parts.app;
    this.depth = parts.depth;
  }

  /** How findings call it: `#3 jsonParser at /`. */
  get where(): string {
    return `#${this.index} ${this.name} at ${this.mount.text}`;
  }

  get options(): Readonly<Record<string, unknown>> {
    const options = this.info?.options;
    return typeof options === 'object' && options !== null
      ? (options as Readonly<Record<string, unknown>>)
      : {};
  }

  get forwards(): boolean {
    return (
      this.role === 'forwarder' ||
      this.role === 'foreign-forwarder' ||
      this.role === 'forward-proxy'
    );
  }

  /** What a forwarder says of itself, or can be read of it. */
  get forwarding(): Forwards | undefined {
    return this.info?.forwards ?? forwardsOf(this);
  }

  /** The ways of a forwarder with the mounts they begin at; a single one for all others. */
  get ways(): readonly ForwardWay[] {
    return (this.#ways ??= (this.forwarding?.ways ?? [{ prefix: '', options: this.options }]).map(
      (way) => ({
        way,
        mount: way.prefix === '' ? this.mount : this.mount.with(prefixStep(way.prefix)),
      }),
    ));
  }

  before(other: Link): boolean {
    return this.index < other.index;
  }

  sharesMethods({ methods }: Link): boolean {
    if (this.methods === undefined || methods === undefined) return true;
    return [...methods].some((method) => this.methods?.has(method) === true);
  }

  /** Some request meets both. */
  meets(other: Link): boolean {
    return this.sharesMethods(other) && this.mount.overlaps(other.mount);
  }
}

export interface ForwardWay {
  readonly way: Way;
  readonly mount: Mount;
}

export interface AppSettings {
  get(setting: string): unknown;
}

export type LinkParts = Pick<
  Link,
  'index' | 'name' | 'role' | 'mount' | 'methods' | 'info' | 'handler' | 'app' | 'depth'
>;
