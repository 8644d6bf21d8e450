import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { failWith } from '../core/fail-with.ts';
import type { PathDoubt } from '../core/http/path.ts';
import {
  listField,
  type ListFormat,
  type ListOptions,
  type ListTier,
} from '../core/lists/options.ts';
import { middleware } from '../core/middleware.ts';
import { oneOf, parseOptions, schemaOf } from '../core/options.ts';
import { categoriesAreListed } from './categories.ts';
import { groupNamesDiffer } from './group-names.ts';
import { Listings } from './listings.ts';
import { normalizeField, type NormalizeOptions } from './normalisation.ts';
import {
  pageField,
  type BlockedRequest,
  type BlockPage,
  type BlockPageOptions,
} from './page-options.ts';
import type { PatternParts, UrlPattern } from './pattern.ts';
import { Policies } from './policies.ts';
import {
  memberShape,
  policyShape,
  type GroupOptions,
  type PolicyOptions,
} from './policy-options.ts';
import { refuse } from './refusal.ts';
import { report } from './report.ts';
import { readRequest } from './request-reading.ts';
import type { Day, Schedule, TimeWindow } from './schedule.ts';

export type {
  BlockedRequest,
  BlockPage,
  BlockPageOptions,
  Day,
  GroupOptions,
  ListFormat,
  ListOptions,
  ListTier,
  NormalizeOptions,
  PathDoubt,
  PatternParts,
  PolicyOptions,
  Schedule,
  TimeWindow,
  UrlPattern,
};

export interface UrlFilterOptions extends PolicyOptions {
  /**
   * Files of hosts and URLs, read anew when they change. One whose category a pattern of a policy names does there what
   * that pattern says; the others what their `tier` says, by default they are refused.
   * @default none
   */
  readonly lists?: readonly ListOptions[];
  /** Policies for some users or networks: the first group that a request is of counts. @default none */
  readonly groups?: readonly GroupOptions[];
  /**
   * Whether `deny` tells upper from lower case in the paths of its strings. By default it does not, because many servers do
   * not, and Express' router with them; what permits (`allow`, `grey`, `exceptions`) always does. @default false
   */
  readonly caseSensitive?: boolean;
  /**
   * Refuses paths that servers may read differently with 400 `ERR_SEKISHO_BAD_PATH`, and writes the others in one way
   * (`req.url`). With false nothing is refused or rewritten for its spelling; the strictest way to read it counts.
   * @default true
   */
  readonly normalize?: boolean | NormalizeOptions;
  /** Status of a refusal; 404 hides that there was anything. @default 403 */
  readonly status?: 403 | 404 | 410;
  /** Lets everything pass, as it is, and only reports what would have been refused. @default false */
  readonly dryRun?: boolean;
  /**
   * The page that browsers get for a refusal; with false, and for other clients, it is the error handlers' to answer.
   * @default a page that says which policy it was; none with status 404
   */
  readonly page?: BlockPageOptions | BlockPage | false;
}

export interface UrlFilter extends RequestHandler {
  /** Ends the watching of lists. For filters that are taken down before the process. */
  close(): void;
}

const optionsSchema = schemaOf<UrlFilterOptions>()({
  ...policyShape,
  lists: z.array(listField()).default([]),
  groups: z.array(schemaOf<GroupOptions>()({ ...policyShape, ...memberShape })).default([]),
  caseSensitive: z.boolean().default(false),
  normalize: normalizeField(),
  status: oneOf([403, 404, 410]).default(403),
  dryRun: z.boolean().default(false),
  page: pageField(),
})
  .superRefine(categoriesAreListed)
  .superRefine(groupNamesDiffer);

/**
 * Gate: refuses requests by where they go, before anything upstream hears of them, and sees to it that a path can be
 * read in one way only. For requests to this server and for those of a forward proxy's clients; of a tunnel (CONNECT)
 * host and port are all there is to judge.
 *
 * Refuses with 403 `ERR_SEKISHO_URL_DENIED` (or `status`), 400 `ERR_SEKISHO_BAD_PATH`, and where rules are about hosts
 * with 400 `ERR_SEKISHO_BAD_HOST`.
 *
 * @example app.use(urlFilter({ deny: ['/admin', '/**\/*.php', /\.env$/] }));
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function urlFilter(options: UrlFilterOptions = {}): UrlFilter {
  const parsed = parseOptions('urlFilter', optionsSchema, options);
  const { lists, groups, caseSensitive, normalize: normalisation, status, dryRun, page } = parsed;
  const listings = new Listings(lists);
  const policies = new Policies(parsed, groups, {
    categories: listings.categories,
    caseSensitive,
  });
  const reader = { normalisation, listings, needsHost: policies.needsHost };

  const filter = middleware<RequestHandler>(
    'gate',
    function urlFilter(req, res, next) {
      if (listings.available) filterRequest(req, res, next);
      else
        listings.read().then(
          () => filterRequest(req, res, next),
          (error: unknown) => failWith(error, req, next),
        );
    },
    { normalize: !normalisation.isOff, dryRun },
  );

  function filterRequest(req: Request, res: Response, next: NextFunction): void {
    const context = contextOf(req);
    const reading = listings.available ? readRequest(req, context, reader) : unavailable();
    if (reading instanceof ProxyError) {
      const outcome = reading.source === 'client' ? 'malformed' : 'denied';
      report({ outcome, rule: reading.detail }, req, context, dryRun);
      if (dryRun) next();
      else failWith(reading, req, next);
      return;
    }
    const policy = policies.policyFor(req);
    const verdict = policy?.judge(reading.subject);
    if (verdict !== undefined) report(verdict, req, context, dryRun);
    if (verdict?.outcome === 'denied' && !dryRun) {
      refuse({ status, page, policy: policy?.name ?? '', ...verdict }, context, req, res, next);
      return;
    }
    if (reading.url !== undefined && !dryRun) req.url = reading.url;
    next();
  }

  return Object.assign(filter, { close: () => listings.close() });
}

/** What the lists would refuse must not pass because they are not there. */
function unavailable(): ProxyError {
  return new ProxyError('ERR_SEKISHO_FILTER_UNAVAILABLE', {
    detail: 'the lists have not been read yet',
    headers: { 'Retry-After': '10' },
  });
}
