import type { Chain } from './chain.ts';

/** `error`: somebody gets in or something leaks; `warning`: something does not work as meant; `info`: worth a look. */
export type Severity = 'error' | 'warning' | 'info';

export interface Finding {
  /** Name of the rule; what `ignore` takes. */
  readonly rule: string;
  readonly severity: Severity;
  /** The handler: `#3 jsonParser at /`; `app` for a setting. */
  readonly where: string;
  readonly why: string;
  readonly remedy: string;
  /** Where the rule is explained. */
  readonly documentation: string;
}

/** A finding as a rule makes it; the rest is the same for all of the rule. */
export type Found = Pick<Finding, 'where' | 'why' | 'remedy'> & { readonly severity?: Severity };

export interface Rule {
  readonly name: string;
  readonly severity: Severity;
  readonly find: (chain: Chain, surroundings: Surroundings) => Iterable<Found>;
}

/** What of the world around the app an audit knows. */
export interface Surroundings {
  /** The app is behind a load balancer or another proxy. */
  readonly behindProxy: boolean | undefined;
  /** The server the app is attached to, when it is. */
  readonly server: AttachedServer | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface AttachedServer {
  /** It speaks TLS itself. */
  readonly secure: boolean;
  /** Only this machine reaches it. */
  readonly loopback: boolean;
}

export function rule(name: string, severity: Severity, find: Rule['find']): Rule {
  return { name, severity, find };
}
