import { z } from 'zod';
import { attachmentOf } from '../core/server/attachments.ts';
import { oneOf, parseOptions, quote, refuse, schemaOf } from '../core/options.ts';
import { readChain } from './chain.ts';
import { entryOf } from './entry.ts';
import { explainRequest, type Explanation } from './explain.ts';
import type { Finding } from './finding.ts';
import { AuditError, AuditReport, type ChainEntry } from './report.ts';
import { roles, type Role } from './roles.ts';
import { rules } from './rules.ts';

export { AuditError, AuditReport };
export type { ChainEntry, Explanation, Finding, Role };
export type { Severity } from './finding.ts';

export interface AuditOptions {
  /**
   * What handlers of yours, or of packages that `audit` does not know, do: `{ requireLogin: 'gate', legacyProxy:
   * 'forwarder' }`, by the name of the function. @default none
   */
  readonly known?: Readonly<Record<string, Role>> | undefined;
  /** Names of rules that are not asked. @default none */
  readonly ignore?: readonly string[] | undefined;
  /** The app is behind a load balancer or another proxy: then `trust proxy` has to be set. @default not known */
  readonly behindProxy?: boolean | undefined;
}

const ruleNames = rules.map(({ name }) => name);

const optionsSchema = schemaOf<AuditOptions>()({
  known: z.record(z.string(), oneOf(roles)).default({}),
  ignore: z
    .array(
      z.custom<string>((name) => ruleNames.includes(name as string), {
        error: ({ input }) => `${quote(input)} is no rule; the rules are ${ruleNames.join(', ')}`,
      }),
    )
    .default([]),
  behindProxy: z.boolean().optional(),
});

/**
 * Reads the chain of an Express app as it is mounted (Express 5, router 2.0 to 2.3; nested routers and apps, too) and reports orders
 * that do not do what they look like, and dangerous settings. Nothing of the app is called. What it does not know it lists as
 * `unknown` and says nothing about: tell it with `known`.
 *
 * @example audit(app).print();
 * @example audit(app, { known: { requireLogin: 'gate' } }).throwIf('error'); // in a test
 * @throws {OptionsError} when this is no app of Express 5, or the options are not what they should be
 */
export function audit(app: unknown, options: AuditOptions = {}): AuditReport {
  const { known, ignore, behindProxy } = parseOptions('audit', optionsSchema, options);
  const chain = readChain('audit', app, new Map(Object.entries(known)));
  const surroundings = {
    behindProxy,
    server: attachmentOf(app),
    environment: process.env,
  };
  const findings = rules
    .filter(({ name }) => !ignore.includes(name))
    .flatMap(({ name, severity, find }) =>
      [...find(chain, surroundings)].map((found): Finding => ({
        rule: name,
        severity,
        ...found,
        documentation: `sekisho/lib/audit/README.md#${name}`,
      })),
    );
  return new AuditReport(findings, chain.links.map(entryOf));
}

/**
 * Says what would become of a request: the handlers it would meet and the URL it would be at a server. Nothing is
 * sent, and nothing of the app is called.
 *
 * @example explain(app, 'GET /image/a.png').print();
 * @param request method and path, a path, a URL (its host chooses among host routes; when none takes it, it is for the forward
 * proxy), or `CONNECT host:port`
 * @throws {OptionsError} when this is no app of Express 5, or no request
 */
export function explain(
  app: unknown,
  request: string,
  options: Pick<AuditOptions, 'known'> = {},
): Explanation {
  const { known } = parseOptions('explain', optionsSchema, options);
  if (typeof request !== 'string')
    parseOptions(
      'explain',
      z.unknown().superRefine((input, context) => {
        refuse(context, input, "is no request; write one such as 'GET /image/a.png'");
      }),
      request,
    );
  return explainRequest(readChain('explain', app, new Map(Object.entries(known))), request);
}
