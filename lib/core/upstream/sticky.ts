import { createHmac, randomBytes } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import { oneOf, quote, schemaOf } from '../options.ts';
import { serverKey, type Server } from './server.ts';

export interface StickyOptions {
  /**
   * Name of the cookie. Pools may share one, whether one forwarder has them or several: each finds its own
   * part in it. It is not to be one that the application sets itself: the later of the two would win.
   *
   * @default 'sekisho'
   */
  readonly cookie?: string | undefined;
  /**
   * Key the cookie's content is made with, at least 16 characters. Give one when clients shall find
   * their server again after a restart, or through another process. @default random, new per process
   */
  readonly secret?: string | undefined;
  /**
   * What becomes of a client whose server takes no requests at present: it moves to another one, or is
   * answered 503 until its server is back. @default 'redistribute'
   */
  readonly onFailure?: 'redistribute' | 'reject' | undefined;
}

export interface StickySettings {
  readonly cookie: string;
  readonly secret: string;
  readonly onFailure: 'redistribute' | 'reject';
}

/** RFC 6265 §4.1.1: a cookie's name is a token of RFC 9110 §5.6.2. */
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const shortestSecret = 16;

const settings = schemaOf<StickyOptions>()({
  cookie: z
    .custom<string>((value) => typeof value === 'string' && tokenPattern.test(value), {
      error: ({ input }) =>
        `${quote(input)} is no cookie name; use letters, digits, '-' and '_' such as 'sekisho'`,
    })
    .default('sekisho'),
  secret: z
    .custom<string>((value) => typeof value === 'string' && value.length >= shortestSecret, {
      // The one value that is not quoted: messages end up in logs.
      error: ({ input }) =>
        `a secret of ${typeof input === 'string' ? `${input.length} characters` : `type ${typeof input}`} is not allowed; use a string of at least ${shortestSecret} random characters`,
    })
    .default(() => randomBytes(32).toString('base64url')),
  onFailure: oneOf(['redistribute', 'reject']).default('redistribute'),
});

/** The `sticky` option. */
export function stickyField(): z.ZodType<StickySettings, true | StickyOptions> {
  return z.union([
    z
      .custom<true>((value) => value === true, {
        error: ({ input }) =>
          `${quote(input)} is not allowed; use true or an object such as { cookie: 'sekisho' }`,
      })
      .transform(() => settings.parse({})),
    settings,
  ]);
}

/** 128 bits of the HMAC, as base64url. */
const tokenLength = 22;
/** How many pools can share a cookie before the one unused longest is forgotten. */
const mostTokens = 8;
const contentPattern = /^[\w-]{22}(?:\.[\w-]{22}){0,7}$/;

/**
 * Binds clients to servers by a cookie. Its tokens are HMACs of the pool's and the server's name: they
 * reveal no server, and nobody without the secret can make one up. A token stays the same for the
 * life of a server, so the cookie is no identifier of the client.
 */
export class Affinity {
  readonly cookieName: string;
  readonly onFailure: 'redistribute' | 'reject';
  readonly #secret: string;
  readonly #upstream: string;
  readonly #tokens = new WeakMap<Server, string>();
  #servers: readonly Server[] = [];
  #count = 0;
  #byToken: ReadonlyMap<string, Server> = new Map();

  constructor({ cookie, secret, onFailure }: StickySettings, upstreamName: string) {
    this.cookieName = cookie;
    this.onFailure = onFailure;
    this.#secret = secret;
    this.#upstream = upstreamName;
  }

  /**
   * The server the client is bound to, be it usable or not. `'unknown-cookie'`: the cookie is one of
   * ours by its form, but names none of these servers: the server was removed, the secret changed,
   * or another pool issued it; such a client is bound anew, like one without a cookie.
   *
   * @param servers all servers of the pool; a changed pool passes another array
   */
  find(req: Request, servers: readonly Server[]): Server | 'unknown-cookie' | undefined {
    const content = this.#read(req);
    if (content === undefined) return undefined;
    const known = this.#known(servers);
    for (let start = 0; start < content.length; start += tokenLength + 1) {
      const server = known.get(content.slice(start, start + tokenLength));
      if (server !== undefined) return server;
    }
    return 'unknown-cookie';
  }

  /**
   * A `Set-Cookie` value that binds the client to the server for its browser's session. Tokens that
   * other pools have put into the same cookie stay.
   */
  setCookie(req: Request, server: Server): string {
    const own = this.#token(server);
    const foreign = (this.#read(req)?.split('.') ?? []).filter(
      (token) => token !== own && !this.#byToken.has(token),
    );
    const content = [own, ...foreign].slice(0, mostTokens).join('.');
    return `${this.cookieName}=${content}; Path=/; HttpOnly; SameSite=Lax${req.secure ? '; Secure' : ''}`;
  }

  #read(req: Request): string | undefined {
    const value = cookieValue(req.headers.cookie, this.cookieName);
    return value !== undefined && contentPattern.test(value) ? value : undefined;
  }

  #known(servers: readonly Server[]): ReadonlyMap<string, Server> {
    if (servers !== this.#servers || servers.length !== this.#count) {
      this.#byToken = new Map(servers.map((server) => [this.#token(server), server]));
      this.#servers = servers;
      this.#count = servers.length;
    }
    return this.#byToken;
  }

  /** Not by name: two servers may share host and port and differ in the path only. */
  #token(server: Server): string {
    let token = this.#tokens.get(server);
    if (token === undefined) {
      token = createHmac('sha256', this.#secret)
        .update(JSON.stringify([this.#upstream, serverKey(server)]))
        .digest('base64url')
        .slice(0, tokenLength);
      this.#tokens.set(server, token);
    }
    return token;
  }
}

/** The value of a cookie; undefined when there is none, or several: a client has one, the rest is somebody's attempt. */
function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  let value: string | undefined;
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + name.length)) {
    const start = at + name.length + 1;
    if (header[start - 1] !== '=' || !startsPair(header, at)) continue;
    if (value !== undefined) return undefined;
    const end = header.indexOf(';', start);
    value = header.slice(start, end === -1 ? header.length : end).trim();
  }
  return value;
}

function startsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (header[before] === ' ' || header[before] === '\t')) before--;
  return before < 0 || header[before] === ';';
}
