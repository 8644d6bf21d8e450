import type { Request, Response } from 'express';
import { contextOf } from '../core/context.ts';
import type { Site } from './oidc-site.ts';

/** RFC 6265 §6.1: a browser keeps 4096 bytes of a cookie, its name and attributes among them. */
const chunkSize = 3800;
/** Node takes 16 KB of request fields, and other cookies want some of it. */
const mostChunks = 3;

/** The cookies of a gate that a request has, by what follows the cookie's name: `''`, `.1`, `.login.…` */
export type GateCookies = ReadonlyMap<string, string>;

export const noCookies: GateCookies = new Map();

/** Reads and writes the cookies of a gate. A value too long for one cookie is spread over several. */
export class SessionCookies {
  readonly #plain: string;
  readonly #secure: string;

  constructor(name: string) {
    this.#plain = name;
    // RFC 6265bis §4.1.3.2: no other host can set it, nor anybody over http.
    this.#secure = `__Host-${name}`;
  }

  /** Reads them, and marks them as the gate's own: no server behind gets to see them, save in a dry run. */
  read(req: Request, { secure, fit }: Site, dryRun: boolean): GateCookies {
    const header = req.headers.cookie;
    if (header?.includes(this.#plain) !== true) return noCookies;
    const found = new Map<string, string>();
    const wanted = secure ? this.#secure : this.#plain;
    for (const pair of header.split(';')) {
      const equals = pair.indexOf('=');
      const name = (equals === -1 ? pair : pair.slice(0, equals)).trim();
      const rest = restOf(name, this.#secure) ?? restOf(name, this.#plain);
      if (rest === undefined) continue;
      if (!dryRun) contextOf(req).consumeCookies.add(name);
      if (fit && name === wanted + rest && equals !== -1 && !found.has(rest))
        found.set(rest, pair.slice(equals + 1).trim());
    }
    return found;
  }

  /** The value that `write` has written; undefined when there is none, or not all of it. */
  value(cookies: GateCookies): string | undefined {
    const first = cookies.get('');
    if (first?.[1] !== '.') return undefined;
    const count = Number(first[0]);
    if (!(count >= 1 && count <= mostChunks)) return undefined;
    let value = first.slice(2);
    for (let index = 1; index < count; index++) {
      const chunk = cookies.get(`.${index}`);
      if (chunk === undefined) return undefined;
      value += chunk;
    }
    return value;
  }

  /**
   * @param maxAge milliseconds
   * @returns false when it is too long for cookies; then nothing is written
   */
  write(res: Response, site: Site, cookies: GateCookies, value: string, maxAge: number): boolean {
    const count = Math.max(1, Math.ceil(value.length / chunkSize));
    if (count > mostChunks) return false;
    for (let index = 0; index < count; index++) {
      const chunk = value.slice(index * chunkSize, (index + 1) * chunkSize);
      this.set(
        res,
        site,
        index === 0 ? '' : `.${index}`,
        index === 0 ? `${count}.${chunk}` : chunk,
        maxAge,
      );
    }
    for (let index = count; index < mostChunks; index++)
      if (cookies.has(`.${index}`)) this.set(res, site, `.${index}`, '', 0);
    return true;
  }

  /** Takes the value, all of it, away from the browser. */
  clear(res: Response, site: Site, cookies: GateCookies): void {
    for (const rest of cookies.keys())
      if (rest === '' || /^\.\d$/.test(rest)) this.set(res, site, rest, '', 0);
  }

  /** @param maxAge milliseconds; 0 takes it away */
  set(res: Response, { secure }: Site, rest: string, value: string, maxAge: number): void {
    const name = (secure ? this.#secure : this.#plain) + rest;
    const seconds = Math.max(0, Math.ceil(maxAge / 1000));
    const attributes = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
    res.append('Set-Cookie', `${name}=${value}; ${attributes}`);
    // Whatever a server behind says of it: what sets a cookie of a session is for one user.
    res.setHeader('Cache-Control', 'no-store');
  }
}

function restOf(name: string, base: string): string | undefined {
  if (!name.startsWith(base)) return undefined;
  const rest = name.slice(base.length);
  return rest === '' || rest.startsWith('.') ? rest : undefined;
}
