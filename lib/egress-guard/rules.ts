import type { Events } from '../core/events.ts';

/** What can be wrong with something that leaves. Each has its paragraph in the README. */
export type EgressRule =
  | 'volume-cap'
  | 'volume-score'
  | 'beacon'
  | 'dns-tunnel'
  | 'listed-destination'
  | 'new-domain'
  | 'raw-ip'
  | 'unusual-port'
  | 'server-name'
  | 'secret'
  | 'card-number'
  | 'my-number'
  | 'corporate-number'
  | 'pattern'
  | 'file-type'
  | 'unreadable'
  | 'uninspected';

export type Severity = 'low' | 'medium' | 'high';

/** `ignore`: as if the rule were not there. `block` stops only in `mode: 'block'`, else it is reported as what would have been blocked. */
export type EgressAction = 'ignore' | 'alert' | 'block';

/** What `onAlert` and the channel `sekisho:alert` get. */
export type EgressAlert = Events['sekisho:alert'];

export type Evidence = EgressAlert['evidence'];

/** Something a detector has seen. */
export interface Finding {
  readonly rule: EgressRule;
  readonly severity: Severity;
  /** How far beyond what is usual or allowed; from 0 on, each rule says in what unit. */
  readonly score: number;
  /** Numbers and kinds, never what was found. */
  readonly evidence: Evidence;
}

/**
 * What is done by default. What follows from a limit, a list or a body that was read stops; what follows from statistics
 * alone is told to people.
 */
export const defaultActions: Readonly<Record<EgressRule, EgressAction>> = {
  'volume-cap': 'block',
  'volume-score': 'alert',
  beacon: 'alert',
  'dns-tunnel': 'alert',
  'listed-destination': 'block',
  'new-domain': 'alert',
  'raw-ip': 'alert',
  'unusual-port': 'alert',
  'server-name': 'alert',
  secret: 'block',
  'card-number': 'block',
  'my-number': 'block',
  'corporate-number': 'alert',
  pattern: 'block',
  'file-type': 'block',
  unreadable: 'block',
  uninspected: 'alert',
};

export const egressRules: readonly EgressRule[] = Object.keys(defaultActions) as EgressRule[];

/** Where a rule is explained. */
export function documentationOf(rule: EgressRule): string {
  return `sekisho/lib/egress-guard/README.md#${rule}`;
}
