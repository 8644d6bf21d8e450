import { matchesSegment, type PathPattern, type SegmentGlob } from './path-pattern.ts';

/**
 * Path patterns by their segments: what a path costs grows with its length, hardly with their number. Empty segments
 * are skipped, so the slash at an end makes no difference.
 */
export class PathTrie<Value> {
  readonly #root: Node<Value> = new Node();
  #literal = true;

  /** @param below whether the pattern is also for what is below of what it matches */
  add({ segments }: PathPattern, value: Value, below: boolean): void {
    let node = this.#root;
    for (const segment of segments) {
      node = node.towards(segment);
      if (typeof segment !== 'string' || segment === '**') this.#literal = false;
    }
    (below || segments.at(-1) === '**' ? node.below : node.exact).push(value);
  }

  /** The first value of a pattern that matches and is accepted. */
  find(path: string, accepts: (value: Value) => boolean): Value | undefined {
    return this.#literal ? this.#descend(path, accepts) : this.#simulate(path, accepts);
  }

  #descend(path: string, accepts: (value: Value) => boolean): Value | undefined {
    let node: Node<Value> | undefined = this.#root;
    let at = 0;
    for (;;) {
      const found = node.below.find(accepts);
      if (found !== undefined) return found;
      while (path.charCodeAt(at) === slash) at++;
      if (at >= path.length) return node.exact.find(accepts);
      if (node.literals.size === 0) return undefined;
      const end = endOfSegment(path, at);
      node = node.literals.get(path.slice(at, end));
      if (node === undefined) return undefined;
      at = end;
    }
  }

  /** As a machine that is in several states at once: nothing is tried a second time. */
  #simulate(path: string, accepts: (value: Value) => boolean): Value | undefined {
    let nodes = this.#root.withDeep(new Set());
    let at = 0;
    for (;;) {
      for (const { below } of nodes) {
        const found = below.find(accepts);
        if (found !== undefined) return found;
      }
      while (path.charCodeAt(at) === slash) at++;
      if (at >= path.length) break;
      const end = endOfSegment(path, at);
      const segment = path.slice(at, end);
      const next = new Set<Node<Value>>();
      for (const node of nodes) node.step(segment, next);
      if (next.size === 0) return undefined;
      nodes = next;
      at = end;
    }
    for (const { exact } of nodes) {
      const found = exact.find(accepts);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

const slash = 0x2f;

function endOfSegment(path: string, from: number): number {
  const end = path.indexOf('/', from);
  return end === -1 ? path.length : end;
}

class Node<Value> {
  /** Values for this path only, and for this and all below. */
  readonly exact: Value[] = [];
  readonly below: Value[] = [];
  readonly literals: Map<string, Node<Value>> = new Map();
  readonly #globs: Map<string, { readonly glob: SegmentGlob; readonly node: Node<Value> }> =
    new Map();
  /** What follows `**`, and stays a state however many segments come. */
  #deep: Node<Value> | undefined;
  #isDeep = false;

  towards(segment: PathPattern['segments'][number]): Node<Value> {
    if (segment === '**') {
      this.#deep ??= new Node();
      this.#deep.#isDeep = true;
      return this.#deep;
    }
    if (typeof segment === 'string') {
      const node = this.literals.get(segment) ?? new Node<Value>();
      this.literals.set(segment, node);
      return node;
    }
    const key = segment.pieces.join('*');
    const known = this.#globs.get(key) ?? { glob: segment, node: new Node<Value>() };
    this.#globs.set(key, known);
    return known.node;
  }

  /** Adds this and what `**` reaches without a segment. */
  withDeep(nodes: Set<Node<Value>>): Set<Node<Value>> {
    nodes.add(this);
    this.#deep?.withDeep(nodes);
    return nodes;
  }

  step(segment: string, next: Set<Node<Value>>): void {
    if (this.#isDeep) this.withDeep(next);
    this.literals.get(segment)?.withDeep(next);
    for (const { glob, node } of this.#globs.values())
      if (matchesSegment(glob, segment)) node.withDeep(next);
  }
}
