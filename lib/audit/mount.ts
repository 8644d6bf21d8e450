import { samplesOf } from './path-samples.ts';
import { coversShape, meetsShape, shapeOf, type Shape } from './shape.ts';

/** One step of a path: what a layer of a router takes off, or has to match to its end. */
export interface Step {
  /** As written; a regular expression as it prints. */
  readonly text: string;
  readonly samples: readonly string[];
  /** The part of the path it matches; undefined when it does not. */
  readonly match: (path: string) => string | undefined;
  /** The whole rest has to match: a route, not a mount. */
  readonly whole: boolean;
}

const mostSamples = 16;

/** Where something stands: the mount paths around it and its own, outermost first. */
export class Mount {
  readonly #steps: readonly Step[];
  #samples: readonly string[] | undefined;
  #shape: Shape | undefined;
  #shaped = false;

  /** It stands for whole paths, as a route does; a mount for all that is below. */
  readonly whole: boolean;
  /** Everything below the root, and the root itself. */
  readonly everything: boolean;

  constructor(steps: readonly Step[] = []) {
    this.#steps = steps.filter(({ text, whole }) => whole || text !== '/');
    this.whole = this.#steps.at(-1)?.whole === true;
    this.everything = this.#steps.length === 0;
  }

  get #segments(): Shape | undefined {
    if (!this.#shaped) {
      const parts = this.#steps.map(({ text }) => shapeOf(text));
      this.#shape = parts.every((part) => part !== undefined) ? parts.flat() : undefined;
      this.#shaped = true;
    }
    return this.#shape;
  }

  /** As a person would write it: `/api/users`. */
  get text(): string {
    return this.#steps.map(({ text }) => (text === '/' ? '' : text)).join('') || '/';
  }

  with(step: Step): Mount {
    return new Mount([...this.#steps, step]);
  }

  /** Paths that come here. */
  get samples(): readonly string[] {
    return (this.#samples ??= this.#makeSamples());
  }

  /** What is left of a path here; undefined when it does not come here. */
  rest(path: string): { readonly mount: string; readonly path: string } | undefined {
    let mount = '';
    let rest = path;
    for (const { match, whole } of this.#steps) {
      const taken = match(rest);
      if (taken === undefined) return undefined;
      if (whole) continue;
      const without = rest.slice(taken.length);
      if (taken !== '' && without !== '' && !without.startsWith('/')) return undefined;
      mount += taken;
      rest = without.startsWith('/') ? without : `/${without}`;
    }
    return { mount, path: rest };
  }

  matches(path: string): boolean {
    return this.rest(path) !== undefined;
  }

  /** Whatever comes there would come here, too. */
  covers(other: Mount): boolean {
    if (this.everything) return true;
    const here = this.#segments;
    const there = other.#segments;
    if (here !== undefined && there !== undefined)
      return (
        coversShape(here, there) && (!this.whole || (other.whole && here.length === there.length))
      );
    const { samples } = other;
    return samples.length > 0 && samples.every((path) => this.matches(path));
  }

  overlaps(other: Mount): boolean {
    if (this.everything || other.everything) return true;
    const here = this.#segments;
    const there = other.#segments;
    if (here !== undefined && there !== undefined)
      return (
        meetsShape(here, there) &&
        (!this.whole || here.length >= there.length) &&
        (!other.whole || there.length >= here.length)
      );
    return (
      other.samples.some((path) => this.matches(path)) ||
      this.samples.some((path) => other.matches(path))
    );
  }

  #makeSamples(): readonly string[] {
    let samples: readonly string[] = [''];
    for (const step of this.#steps) {
      const own = step.samples.map((path) => (path === '/' && !step.whole ? '' : path));
      samples = samples.flatMap((before) => own.map((path) => before + path)).slice(0, mostSamples);
    }
    const here = samples.map((path) => path || '/');
    if (this.whole) return here;
    return here.flatMap((path) => [path, `${path === '/' ? '' : path}/sample/path`]);
  }
}

/** A literal prefix by whole segments, as the keys of `prefixRouter` are. */
export function prefixStep(prefix: string): Step {
  return {
    text: prefix,
    samples: samplesOf(prefix),
    match: (path) =>
      path === prefix || path.startsWith(`${prefix}/`) || prefix === '' ? prefix : undefined,
    whole: false,
  };
}
