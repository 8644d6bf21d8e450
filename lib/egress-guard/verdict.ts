import type { Request } from 'express';
import type { Context } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import type { Guard } from './guard.ts';
import { documentationOf, type EgressRule, type Evidence, type Finding } from './rules.ts';
import type { Site } from './site.ts';

/** What all findings of one request come to: alerts, the record, and whether it may go on. */
export class Verdict {
  readonly #guard: Guard;
  readonly #context: Context;
  readonly #client: string | undefined;
  readonly #user: string;
  readonly #site: Site;
  /** The first rule that stopped it. */
  #stopped: EgressRule | undefined;
  #told: Set<string> | undefined;

  constructor(guard: Guard, req: Request, context: Context, user: string, site: Site) {
    this.#guard = guard;
    this.#context = context;
    this.#client = req.ip;
    this.#user = user;
    this.#site = site;
    context.transaction.egress ??= 'passed';
  }

  get stopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** The refusal of what has been stopped. */
  get error(): ProxyError {
    return new ProxyError('ERR_SEKISHO_EGRESS_BLOCKED', {
      detail: `egressGuard: ${this.#stopped ?? ''}`,
    });
  }

  /** Something was found; `what` tells findings of one rule apart. */
  readonly found = (finding: Finding, what = ''): void => {
    const { settings, alerts, shared } = this.#guard;
    const { rule } = finding;
    const action = settings.actions[rule];
    if (action === 'ignore') return;
    const wouldBlock = action === 'block' && !isForInformation(finding);
    const blocked = wouldBlock && settings.mode === 'block';
    if (blocked) this.#stopped ??= rule;
    // A body goes on being too large with each of its chunks.
    const key = `${rule} ${what}`;
    if (this.#told?.has(key) === true) return;
    (this.#told ??= new Set()).add(key);
    this.#record(rule, wouldBlock, blocked);
    const evidence =
      wouldBlock && !blocked ? { ...finding.evidence, wouldBlock } : finding.evidence;
    const of = `${key} ${this.#user} ${this.#site.domain}`;
    const news = alerts.raise(of, (repeated) => this.#alert(finding, evidence, blocked, repeated));
    if (news) shared?.told(of);
  };

  /** It had begun to leave when it was stopped. */
  cut(): void {
    this.#context.transaction.egress = 'cut';
  }

  #record(rule: EgressRule, wouldBlock: boolean, blocked: boolean): void {
    const { transaction } = this.#context;
    if (transaction.egressRules?.includes(rule) !== true)
      transaction.egressRules = [...(transaction.egressRules ?? []), rule];
    if (blocked) transaction.egress = 'blocked';
    else if (wouldBlock && transaction.egress === 'passed') transaction.egress = 'monitored';
  }

  #alert(
    { rule, severity, score }: Finding,
    evidence: Evidence,
    blocked: boolean,
    repeated: number,
  ): Parameters<NonNullable<Guard['settings']['onAlert']>>[0] {
    return {
      ...{ rule, severity, score, blocked },
      user: this.#context.user?.name,
      client: this.#client,
      destination: this.#site.hostname,
      evidence,
      documentation: documentationOf(rule),
      repeated,
      requestId: this.#context.id,
    };
  }
}

/** Secrets and patterns have severities of their own: what is low is told of and stops nothing. */
function isForInformation({ rule, severity }: Finding): boolean {
  return severity === 'low' && (rule === 'secret' || rule === 'pattern');
}
