import { OptionsError } from '../core/errors.ts';
import { quote } from '../core/options.ts';
import type { Finding, Severity } from './finding.ts';

/** A link as a person reads it. */
export interface ChainEntry {
  readonly index: number;
  readonly name: string;
  /** What it is taken for; `unknown` for what nobody here knows. */
  readonly role: string;
  /** The mount path. */
  readonly path: string;
  /** @default all */
  readonly methods?: readonly string[] | undefined;
  /** How many routers and apps are around it. */
  readonly depth: number;
}

const ranks: Readonly<Record<Severity, number>> = { info: 0, warning: 1, error: 2 };
const marks: Readonly<Record<Severity, string>> = { error: '✖', warning: '▲', info: 'ℹ' };

/** What `audit()` has found. */
export class AuditReport {
  /** The worst first, then in the order of the chain. */
  readonly findings: readonly Finding[];
  /** What a request meets, in its order. */
  readonly chain: readonly ChainEntry[];

  constructor(findings: readonly Finding[], chain: readonly ChainEntry[]) {
    this.findings = findings.toSorted((a, b) => ranks[b.severity] - ranks[a.severity]);
    this.chain = chain;
  }

  /**
   * @param severity `'error'`, `'warning'` or `'info'` @default 'error'
   * @throws {AuditError} when there is a finding of this severity or a worse one
   * @throws {OptionsError} when this is no severity
   */
  throwIf(severity: Severity = 'error'): void {
    if (!Object.hasOwn(ranks, severity))
      throw new OptionsError('audit throwIf', [
        `${quote(severity)} is no severity; use 'error', 'warning' or 'info'`,
      ]);
    const bad = this.findings.filter((finding) => ranks[finding.severity] >= ranks[severity]);
    if (bad.length > 0) throw new AuditError(bad);
  }

  /** Writes the report for people. @default to standard output */
  print(write: (text: string) => void = (text) => void process.stdout.write(text)): void {
    write(`${this.toString()}\n`);
  }

  toString(): string {
    const width = Math.max(0, ...this.chain.map(({ name, depth }) => name.length + depth * 2));
    const lines = this.chain.map(({ index, name, role, path, methods, depth }) => {
      const title = `${'  '.repeat(depth)}${name}`.padEnd(width);
      const verbs = methods === undefined ? '' : `${methods.join(',')} `;
      return `${`#${index}`.padStart(5)} ${title}  ${role.padEnd(16)} ${verbs}${path}`.trimEnd();
    });
    return [...lines, '', ...this.findings.map(findingText), summary(this.findings)].join('\n');
  }

  toJSON(): { findings: readonly Finding[]; chain: readonly ChainEntry[] } {
    return { findings: this.findings, chain: this.chain };
  }
}

/** Findings that `throwIf()` was asked to stand up for. */
export class AuditError extends Error {
  override readonly name: string = 'AuditError';
  readonly code: string = 'ERR_SEKISHO_AUDIT';
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(`${summary(findings)}\n${findings.map(findingText).join('\n')}`);
    this.findings = findings;
  }
}

export function findingText(finding: Finding): string {
  const { severity, rule, where, why, remedy, documentation } = finding;
  return `${marks[severity]} ${rule}: ${where}\n    ${why}.\n    Remedy: ${remedy}. See ${documentation}`;
}

function summary(findings: readonly Finding[]): string {
  const count = (wanted: Severity): number =>
    findings.filter(({ severity }) => severity === wanted).length;
  return findings.length === 0
    ? 'No findings.'
    : `${count('error')} errors, ${count('warning')} warnings, ${count('info')} notes.`;
}
