import type { Request } from 'express';
import { contextOf } from '../core/context.ts';
import { Policy, type PolicyRules } from './policy.ts';
import type { Membership } from './policy-options.ts';
import type { InForce } from './schedule.ts';

type Stated<Rules> = { readonly [Key in keyof Rules]?: Rules[Key] | undefined };

interface ParsedPolicy extends Stated<PolicyRules> {
  readonly schedule?: InForce | undefined;
}

export interface ParsedGroup extends ParsedPolicy, Membership {
  readonly name: string;
}

interface Group {
  readonly members: Membership;
  readonly schedule: InForce | undefined;
  readonly policy: Policy;
}

/** The policy for everybody, and those of groups. */
export class Policies {
  readonly needsHost: boolean;
  readonly #groups: readonly Group[];
  readonly #everybody: Policy;
  readonly #schedule: InForce | undefined;

  constructor(
    everybody: ParsedPolicy,
    groups: readonly ParsedGroup[],
    { categories, caseSensitive }: { categories: readonly string[]; caseSensitive: boolean },
  ) {
    const rulesFor = (group?: ParsedPolicy): PolicyRules => {
      const rules = rulesOf(everybody, group);
      return caseSensitive ? { ...rules, deny: rules.deny?.caseSensitive() } : rules;
    };
    this.#everybody = new Policy('', rulesFor(), categories);
    this.#schedule = everybody.schedule;
    this.#groups = groups.map((group) => ({
      members: group,
      schedule: group.schedule,
      policy: new Policy(group.name, rulesFor(group), categories),
    }));
    this.needsHost = [this.#everybody, ...this.#groups.map(({ policy }) => policy)].some(
      (policy) => policy.needsHost,
    );
  }

  /** The first group's that the request is of, else everybody's; undefined when none is in force. */
  policyFor(req: Request): Policy | undefined {
    for (const { members, schedule, policy } of this.#groups)
      if (isMember(req, members) && schedule?.() !== false) return policy;
    return this.#schedule?.() === false ? undefined : this.#everybody;
  }
}

function rulesOf(everybody: ParsedPolicy, group: ParsedPolicy = {}): PolicyRules {
  return {
    exceptions: group.exceptions ?? everybody.exceptions,
    methods: group.methods ?? everybody.methods,
    deny: group.deny ?? everybody.deny,
    grey: group.grey ?? everybody.grey,
    allow: group.allow ?? everybody.allow,
  };
}

/** A group that names nobody is of everybody: it may have a schedule. */
function isMember(req: Request, { users, userGroups, networks }: Membership): boolean {
  if (users === undefined && userGroups === undefined && networks === undefined) return true;
  const { user } = contextOf(req);
  if (user !== undefined) {
    if (users?.has(user.name) === true) return true;
    if (userGroups !== undefined && user.groups.some((group) => userGroups.has(group))) return true;
  }
  const address = networks && req.ip;
  return address !== undefined && networks?.(address) === true;
}
