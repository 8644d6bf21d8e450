import type { Server } from 'node:http';

/** A server an app is reached through. */
export interface Attachment {
  /** It speaks TLS itself. */
  readonly secure: boolean;
  /** Only this machine reaches it. */
  readonly loopback: boolean;
}

const servers = new WeakMap<object, Server>();
const apps = new WeakMap<Server, object>();

/** Remembers the server of an app, for `audit()`. */
export function noteAttachment(app: object, server: Server): void {
  servers.set(app, server);
  noteApp(server, app);
}

/** Remembers whose observers are told of what this server refuses by itself. */
export function noteApp(server: Server, app: object): void {
  apps.set(server, app);
}

export function appOn(server: Server): object | undefined {
  return apps.get(server);
}

/** The server that `attach()` or `serve()` has put the app on, the last one if there are several. */
export function attachmentOf(app: unknown): Attachment | undefined {
  const server = typeof app === 'function' ? servers.get(app) : undefined;
  if (server === undefined) return undefined;
  const address = server.address();
  return {
    secure: 'setSecureContext' in server,
    loopback:
      typeof address === 'string' ||
      (address !== null && /^(?:127\.|::1$|::ffff:127\.)/.test(address.address)),
  };
}
