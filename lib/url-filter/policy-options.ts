import { z } from 'zod';
import { methodsField } from './methods.ts';
import { networksField, type Networks } from './networks.ts';
import { patternsField } from './pattern-field.ts';
import type { UrlPattern } from './pattern.ts';
import { scheduleField, type Schedule } from './schedule.ts';

/** Who may go where; of a group what it states itself, and the rest as for everybody. */
export interface PolicyOptions {
  /** What passes, whatever the others say. @default nothing */
  readonly exceptions?: readonly UrlPattern[];
  /** What is refused, whatever `allow` says. @default nothing */
  readonly deny?: readonly UrlPattern[];
  /** What lists do not refuse, though they have it; `deny`, `methods` and `allow` still judge it. @default nothing */
  readonly grey?: readonly UrlPattern[];
  /** All that passes; the rest is refused. @default everything */
  readonly allow?: readonly UrlPattern[];
  /** All methods that pass; `GET` stands for HEAD as well. @default every method */
  readonly methods?: readonly string[];
  /**
   * When this is in force. Out of it a group's members are as others are, and without a group nothing is refused.
   * @default always
   */
  readonly schedule?: Schedule;
}

/** A policy for some. */
export interface GroupOptions extends PolicyOptions {
  /** For the log and the block page. */
  readonly name: string;
  /** Names of users, as a gate before has found them out. @default none */
  readonly users?: readonly string[];
  /** Groups of users, as the gate says. @default none */
  readonly userGroups?: readonly string[];
  /** Networks and addresses of clients (`req.ip`). @default none */
  readonly networks?: readonly string[];
}

/** What is in doubt is refused, and not permitted. */
const refusing = { below: true, ignoreCase: true };
const permitting = { below: false, ignoreCase: false };

export const policyShape = {
  exceptions: patternsField(permitting).optional(),
  deny: patternsField(refusing).optional(),
  grey: patternsField(permitting).optional(),
  allow: patternsField(permitting)
    .refine(({ rules }) => rules.length > 0, {
      error: '[] would refuse everything; name what passes, or leave it out',
    })
    .optional(),
  methods: methodsField().optional(),
  schedule: scheduleField().optional(),
};

export const memberShape = {
  name: z.string().min(1, { error: "'' is no name; name the group, for the log" }),
  users: names().optional(),
  userGroups: names().optional(),
  networks: networksField().optional(),
};

function names(): z.ZodType<ReadonlySet<string>, readonly string[]> {
  return z
    .array(z.string().min(1, { error: "'' is no name; leave it out" }))
    .transform((list) => new Set(list));
}

export interface Membership {
  readonly users?: ReadonlySet<string> | undefined;
  readonly userGroups?: ReadonlySet<string> | undefined;
  readonly networks?: Networks | undefined;
}
