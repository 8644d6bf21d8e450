import type { RequestHandler } from 'express';
import { z } from 'zod';
import { contextOf } from '../core/context.ts';
import { parseNetwork } from '../core/http/address.ts';
import { canonicalHost } from '../core/http/destination.ts';
import { duration, parseOptions, refuse, schemaOf, type Duration } from '../core/options.ts';
import { pacScript, type DirectBlock, type DirectName } from './pac-script.ts';

export interface ProxyPacOptions {
  /**
   * The proxies as the browser reaches them, in order of preference: `'http://proxy.example:3128'`, or `https:` for a proxy
   * that speaks TLS (`serve()` with `tls`).
   */
  readonly proxy: string | readonly string[];
  /**
   * What browsers ask for without the proxy: `'example.com'` (and every name below), `'*.example.com'` (only those), IPv4
   * addresses and blocks for URLs with an address in them. @default []
   */
  readonly direct?: readonly string[];
  /** The same for names without a dot, `http://intranet/`. @default true */
  readonly directPlainNames?: boolean;
  /** Go without when no proxy can be reached: then a proxy that is down protects from nothing. @default false */
  readonly fallBackToDirect?: boolean;
  /** How long browsers may keep the script. @default '1 hour' */
  readonly maxAge?: Duration;
}

const proxyField = z.string().transform((value, context) => {
  const url = URL.parse(value);
  const known = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === null || !known || canonicalHost(url.hostname) === undefined)
    return refuse(context, value, "is no proxy; use a URL such as 'http://proxy.example:3128'");
  if (url.username !== '' || url.password !== '')
    return refuse(context, value, 'has credentials in it; everybody can read the script');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return refuse(context, value, 'has more than host and port; take the rest out');
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return `${secure ? 'HTTPS' : 'PROXY'} ${url.hostname}:${port}`;
});

const directField = z.string().transform((value, context): DirectName | DirectBlock => {
  const network = parseNetwork(value);
  if (network !== undefined) {
    const [base = '', bits] = network.text.split('/');
    if (network.groups.length === 2) return { base, mask: maskOf(Number(bits)) };
    return refuse(context, value, 'is IPv6, which the script cannot judge; name hosts instead');
  }
  const onlyBelow = value.startsWith('*.');
  const name = canonicalHost(value.replace(/^\*?\./, ''));
  if (name !== undefined && !name.startsWith('[')) return { name, onlyBelow };
  return refuse(context, value, "is no destination; use a name such as 'example.com', or a block");
});

const optionsSchema = schemaOf<ProxyPacOptions>()({
  proxy: z.union([
    proxyField.transform((proxy) => [proxy]),
    z
      .array(proxyField)
      .min(1, { error: "[] is empty; name a proxy such as 'http://proxy.example:3128'" }),
  ]),
  direct: z.array(directField).default([]),
  directPlainNames: z.boolean().default(true),
  fallBackToDirect: z.boolean().default(false),
  maxAge: duration().default(3_600_000),
});

/**
 * Handler of a route: serves the script by which browsers find their proxy ("proxy auto-config"). Put its URL into the
 * browsers' settings, or serve it as `/wpad.dat` of a host named `wpad`.
 *
 * @example app.get('/proxy.pac', proxyPac({ proxy: 'http://proxy.example:3128', direct: ['intranet.example'] }));
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function proxyPac(options: ProxyPacOptions): RequestHandler {
  const parsed = parseOptions('proxyPac', optionsSchema, options);
  const script = pacScript(parsed);
  const cacheControl = `max-age=${Math.floor(parsed.maxAge / 1000)}`;

  return function proxyPac(req, res, next) {
    if (contextOf(req).proxied || (req.method !== 'GET' && req.method !== 'HEAD')) {
      next();
      return;
    }
    res.set('Content-Type', 'application/x-ns-proxy-autoconfig');
    res.set('Cache-Control', cacheControl);
    res.set('X-Content-Type-Options', 'nosniff');
    res.send(Buffer.from(script));
  };
}

function maskOf(bits: number): string {
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.');
}
