import type { ServerResponse } from 'node:http';
import type { Context } from '../context.ts';
import { lowerName } from '../http/memo.ts';
import { flatFields } from './output-arguments.ts';

/** What a proxy says of itself and of its connection to the client, whosever answer it is. */
const ofProxy: ReadonlySet<string> = new Set([
  'cache-status',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-connection',
  'proxy-status',
  'transfer-encoding',
  'upgrade',
  'via',
  // Of `accessLog`, where it is told to.
  'x-request-id',
]);

/** What changes when somebody on the way codes the body anew (compression). */
const ofCoding: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'trailer',
  'vary',
]);

/** By these a browser remembers something for the whole origin that it has asked for. */
const remembered: ReadonlySet<string> = new Set([
  'alt-svc',
  'clear-site-data',
  'nel',
  'report-to',
  'set-cookie',
  'strict-transport-security',
]);

/** Whether what is answered from here on is the answer of the site that a client of the forward proxy has asked for. */
function speaksForSite({ guard }: Context): boolean {
  return guard?.lifted === true;
}

/**
 * Before the answer of a site is put on the response: what the app has set there is meant for answers of its own. A cookie
 * of its session would be set for the site, and sent to it; a policy of helmet would break its pages.
 */
export function clearForSite(res: ServerResponse, context: Context): void {
  if (speaksForSite(context)) keepFields(res, (name) => ofProxy.has(name));
}

/** These are the fields of the site's answer. What functions on the response still add (sessions) is none of them. */
export function noteSiteFields(context: Context, fields: readonly string[]): void {
  if (!speaksForSite(context)) return;
  context.siteFields = fields;
  context.guard?.settle();
}

/** Takes from the response what is neither the site's nor the proxy's own. */
export function keepSiteFields(res: ServerResponse, site: readonly string[]): void {
  keepFields(res, keptOf(site));
}

/**
 * The same for the arguments of `writeHead`.
 *
 * @param site undefined for a refusal: it is the app's own, but a browser takes it for one of the site
 */
export function cleanHead(
  res: ServerResponse,
  site: readonly string[] | undefined,
  args: readonly unknown[],
): readonly unknown[] {
  const keeps = site === undefined ? isForgotten : keptOf(site);
  keepFields(res, keeps);
  const given = args.at(-1);
  if (typeof given !== 'object' || given === null) return args;
  const fields = flatFields(given);
  const kept: unknown[] = [];
  for (let index = 0; index < fields.length; index += 2)
    if (keeps(String(fields[index]).toLowerCase(), String(fields[index + 1])))
      kept.push(fields[index], fields[index + 1]);
  return kept.length === fields.length ? args : [...args.slice(0, -1), kept];
}

/** Whether a line stays; its name in lower case. */
type Keeps = (name: string, line: string) => boolean;

function isForgotten(name: string): boolean {
  return !remembered.has(name);
}

/** Cookies by their lines, everything else by its name. */
function keptOf(site: readonly string[]): Keeps {
  const names = new Set<string>();
  const cookies = new Set<string>();
  for (let index = 0; index < site.length; index += 2) {
    const name = lowerName(site[index] as string);
    if (name === 'set-cookie') cookies.add(site[index + 1] as string);
    else names.add(name);
  }
  return (name, line) =>
    name === 'set-cookie'
      ? cookies.has(line)
      : names.has(name) || ofProxy.has(name) || ofCoding.has(name);
}

/** Node remembers what was removed, and then leaves out its own: that is meant for handlers. */
function keepFields(res: ServerResponse, keeps: Keeps): void {
  const internals = res as { _removedContLen?: boolean };
  const { sendDate } = res;
  const { _removedContLen } = internals;
  for (const name of res.getHeaderNames()) {
    const lines = [res.getHeader(name) ?? ''].flat().map(String);
    const kept = lines.filter((line) => keeps(name, line));
    if (kept.length === lines.length) continue;
    if (kept.length === 0) res.removeHeader(name);
    // Only of cookies some lines stay and others go.
    else res.setHeader('Set-Cookie', kept);
  }
  res.sendDate = sendDate;
  if (_removedContLen !== undefined) internals._removedContLen = _removedContLen;
}
