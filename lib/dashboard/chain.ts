import type { Application } from 'express';
import { clock } from '../core/clock.ts';
import { warn } from '../core/warn.ts';
import { shown } from './shown.ts';

/** A handler of the chain, as `audit()` describes it. */
export interface ChainLayer {
  readonly index: number;
  readonly name: string;
  readonly role: string;
  readonly path: string;
  /** How many routers and apps are around it. */
  readonly depth: number;
}

/** What is wrong with a chain, as `audit()` describes it. */
export interface ChainFinding {
  readonly rule: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly where: string;
  readonly why: string;
  readonly remedy: string;
  readonly documentation: string;
}

export interface ChainReport {
  readonly chain: readonly ChainLayer[];
  readonly findings: readonly ChainFinding[];
}

/** Reads the chain of an app, as `audit` does. */
export type ChainReader = (app: Application) => ChainReport;

export interface ChainView extends ChainReport {
  /** Layers and findings beyond those that are shown. */
  readonly more: number;
}

const mostLines = 300;
const longestText = 1000;
/** Milliseconds: reading a large chain takes a while, and it hardly ever changes. */
const freshness = 10_000;

/** The chain as it is mounted, read when somebody looks and not more often than that is good for. */
export class Chain {
  #read: ChainReader | undefined;
  #view: ChainView | undefined;
  #readAt: number | undefined;

  /** @param read by default `audit()` itself, with its own options */
  constructor(read: ChainReader | undefined) {
    this.#read = read;
    if (read === undefined)
      loadAudit().then(
        (audit) => (this.#read = audit),
        (error: unknown) => {
          warn('SEKISHO_DASHBOARD', 'dashboard() could not load audit()', error);
        },
      );
  }

  /** Undefined when the chain could not be read. */
  view(app: Application): ChainView | undefined {
    const read = this.#read;
    if (read === undefined) return undefined;
    const now = clock.monotonic();
    if (this.#readAt === undefined || now - this.#readAt > freshness) {
      this.#readAt = now;
      try {
        this.#view = viewOf(read(rootOf(app)));
      } catch (error) {
        this.#view = undefined;
        warn('SEKISHO_DASHBOARD', 'dashboard() could not read the chain', error);
      }
    }
    return this.#view;
  }
}

/** Capabilities do not know each other: this one is asked for as the user would, and only where its findings are shown. */
async function loadAudit(): Promise<ChainReader> {
  const { audit } = await import('../audit/index.ts');
  return audit;
}

/** The dashboard may be mounted in an app that is mounted itself. */
function rootOf(app: Application): Application {
  let root = app;
  while ((root as { parent?: Application }).parent !== undefined)
    root = (root as unknown as { parent: Application }).parent;
  return root;
}

function viewOf({ chain, findings }: ChainReport): ChainView {
  return {
    chain: chain.slice(0, mostLines).map(({ index, name, role, path, depth }) => ({
      index,
      name: shown(name),
      role: shown(role),
      path: shown(path),
      depth,
    })),
    findings: findings
      .slice(0, mostLines)
      .map(({ rule, severity, where, why, remedy, documentation }) => ({
        rule: shown(rule),
        severity,
        where: shown(where),
        why: shown(why, longestText),
        remedy: shown(remedy, longestText),
        documentation: shown(documentation),
      })),
    more: Math.max(0, chain.length - mostLines) + Math.max(0, findings.length - mostLines),
  };
}
