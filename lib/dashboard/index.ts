import type { RequestHandler } from 'express';
import { z } from 'zod';
import { middleware } from '../core/middleware.ts';
import {
  duration,
  func,
  oneOf,
  parseOptions,
  quote,
  refuse,
  schemaOf,
  type Duration,
} from '../core/options.ts';
import { recordEvery } from '../core/observing/every-request.ts';
import { Upstream } from '../core/upstream/upstream.ts';
import type { ClearableCache } from './actions.ts';
import type { ChainReader } from './chain.ts';
import { Home } from './home.ts';
import { Site } from './site.ts';

export type { ClearableCache } from './actions.ts';
export type { ChainFinding, ChainLayer, ChainReader, ChainReport } from './chain.ts';

export interface DashboardOptions {
  /**
   * Whether the page may be seen by whoever gets here. `false`: only behind a gate that has let the person pass
   * (`authGate()`), others get 403. Say `true` where a login of the app's own stands before it.
   * @default false
   */
  readonly public?: boolean;
  /** Whether a person may drain and enable servers and purge caches from the page. @default false */
  readonly actions?: boolean;
  /** What the page is called, when somebody has several of them open. @default 'sekisho' */
  readonly title?: string;
  /** How far back the page looks; one minute to an hour. Plots have at most 600 points. @default '10 minutes' */
  readonly history?: Duration;
  /** The language of the page before a person chooses the other one. @default what the browser asks for */
  readonly locale?: 'en' | 'ja';
  /** The pools that are shown and acted on. @default all pools of the process */
  readonly upstreams?: readonly Upstream[];
  /** The caches that may be purged with `actions: true`, by the names they are shown by. @default none */
  readonly caches?: Readonly<Record<string, ClearableCache>>;
  /**
   * What reads the chain of the app, to show it and what is wrong with it: `(app) => audit(app, { known: … })`; `false` shows none.
   * @default audit
   */
  readonly audit?: ChainReader | false;
}

export interface Dashboard extends RequestHandler {
  /** Stops watching and ends the streams of open pages. */
  close(): void;
}

const shortest = 60_000;
const longest = 3_600_000;

const optionsSchema = schemaOf<DashboardOptions>()({
  public: flag(),
  actions: flag(),
  title: z
    .custom<string>((value) => typeof value === 'string' && /^.{1,100}$/s.test(value), {
      error: ({ input }) =>
        `${quote(input)} is not allowed; use a text of at most 100 characters, such as 'gateway 1'`,
    })
    .default('sekisho'),
  history: duration()
    .transform((value, context) =>
      value >= shortest && value <= longest
        ? value
        : refuse(context, value, 'is not allowed; use one minute to one hour'),
    )
    .default(600_000),
  locale: oneOf(['en', 'ja']).optional(),
  upstreams: z
    .array(
      z.custom<Upstream>((value) => value instanceof Upstream, {
        error: ({ input }) => `${quote(input)} is no pool; pass what upstream() gave`,
      }),
    )
    .optional(),
  caches: z
    .record(
      z.string(),
      z.custom<ClearableCache>(
        (value) => typeof (value as Partial<ClearableCache> | undefined)?.clear === 'function',
        { error: ({ input }) => `${quote(input)} is no cache; pass what cache() gave` },
      ),
    )
    .default({}),
  audit: z.union([func<ChainReader>(), z.literal(false)]).optional(),
});

/**
 * Observer: a page that shows the proxy live, mounted inside the app. It watches the process from the moment it is made:
 * all that forwarders and caches answer, and every request of the app that it is mounted in but those for the page itself. Without a gate before it it answers 403 `ERR_SEKISHO_UNGUARDED`, unless
 * `public` says that the app guards it.
 *
 * @example app.use('/dashboard', authGate({ basic: { file: '/etc/htpasswd' } }), dashboard());
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function dashboard(options: DashboardOptions = {}): Dashboard {
  const parsed = parseOptions('dashboard', optionsSchema, options);
  const site = new Site(parsed);

  const page: RequestHandler = middleware<RequestHandler>(
    'observer',
    function dashboard(req, res, next) {
      home.add(req.app);
      site.answer(req, res, next);
    },
    { public: parsed.public, actions: parsed.actions },
  );
  const home = new Home(page);
  const stop = recordEvery((app) => home.has(app));
  return Object.assign(page, {
    close() {
      stop();
      site.close();
    },
  });
}

function flag(): z.ZodDefault<z.ZodType<boolean>> {
  return z
    .custom<boolean>((value) => typeof value === 'boolean', {
      error: ({ input }) => `${quote(input)} is not allowed; use true or false`,
    })
    .default(false);
}
