import { z } from 'zod';
import { duration, oneOf, schemaOf, size, type Duration, type Size } from '../core/options.ts';
import { patternField } from '../core/patterns/safe-pattern.ts';
import { fileTypes, type FileType } from './file-types.ts';
import type { Severity } from './rules.ts';
import { secretKinds, type SecretKind } from './secrets.ts';

/** A pattern of your own. */
export interface EgressPattern {
  /** Shown in alerts. */
  readonly name: string;
  /** One that could stall the process is refused. What it matches is at most 2 KiB long, or is seen in part. */
  readonly pattern: RegExp | string;
  /** `low` is told of, and blocks nothing. @default 'high' */
  readonly severity?: Severity;
  /** One of them has to stand within 300 characters, in any case. @default none */
  readonly keywords?: readonly string[];
}

/** What is looked for in bodies, URLs and fields. */
export interface PatternsOptions {
  /** Keys, tokens and private keys; or some kinds of them. @default true */
  readonly secrets?: boolean | readonly SecretKind[];
  /** Numbers of payment cards. @default true */
  readonly cardNumbers?: boolean;
  /** 個人番号 ("My Number"). @default true */
  readonly myNumbers?: boolean;
  /** 法人番号 (Corporate Numbers); they are public, so they only alert. @default true */
  readonly corporateNumbers?: boolean;
  /** Patterns of your own. @default none */
  readonly custom?: readonly EgressPattern[];
}

/** Files by their first bytes, whatever their names are. Give one of them. */
export interface FileTypesOptions {
  /** Only these may leave; what is of no known type (text) may, too. @default all */
  readonly allow?: readonly FileType[];
  /** These may not leave. @default none */
  readonly deny?: readonly FileType[];
}

/** How bodies are looked at. */
export interface InspectionOptions {
  /** In block mode so much of a body is held back until what comes behind it has been looked at; at least 1 KiB. @default '64kb' */
  readonly hold?: Size;
  /** CPU time for one body; beyond it the rest passes unseen, which is recorded (`uninspected`). @default '250ms' */
  readonly timeBudget?: Duration;
  /** Bytes that may come out of a compressed body; beyond it is `unreadable`. @default '1gb' */
  readonly maxSize?: Size;
}

const severities = ['low', 'medium', 'high'] as const;

export const patternSchema = schemaOf<EgressPattern>()({
  name: z.string().min(1, { error: "'' is no name; alerts show it" }),
  pattern: patternField(),
  severity: oneOf(severities).default('high'),
  keywords: z.array(z.string().min(1)).min(1).optional(),
});

export const patternsSchema = schemaOf<PatternsOptions>()({
  secrets: z.union([z.boolean(), z.array(oneOf(secretKinds))]).default(true),
  cardNumbers: z.boolean().default(true),
  myNumbers: z.boolean().default(true),
  corporateNumbers: z.boolean().default(true),
  custom: z.array(patternSchema).default([]),
});

export const fileTypesSchema = schemaOf<FileTypesOptions>()({
  allow: z.array(oneOf(fileTypes)).optional(),
  deny: z.array(oneOf(fileTypes)).optional(),
}).superRefine(({ allow, deny }, context) => {
  if (allow !== undefined && deny !== undefined)
    context.addIssue({ code: 'custom', message: 'both allow and deny are given; use one of them' });
});

export const inspectionSchema = schemaOf<InspectionOptions>()({
  hold: size().default(64 * 1024),
  timeBudget: duration().default(250),
  maxSize: size().default(1024 * 1024 * 1024),
});
