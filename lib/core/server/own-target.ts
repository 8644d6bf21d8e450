import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { addressClass, parseAddress } from '../http/address.ts';
import { parseDestination } from '../http/destination.ts';
import { proxyAnnounced } from '../proxy-trial.ts';

const scheme = /^(?:http|ws)(s?):/i;

/**
 * The path of a target in absolute-form that names this very listener: its address or, on the loopback, `localhost`, or a
 * name in the certificate that it has shown, with its port and scheme. A server takes those as it takes the path alone
 * (RFC 9112 §3.2.2). With a forward proxy in the process they are requests to that proxy, and loops.
 *
 * @returns undefined when the target is another one, or nobody can tell
 */
export function ownPath(req: IncomingMessage): string | undefined {
  const { url = '', socket } = req;
  const [said, s] = scheme.exec(url) ?? [];
  const secure = socket instanceof TLSSocket;
  if (proxyAnnounced() || said === undefined || (s !== '') !== secure) return undefined;
  const target = readTarget(url.slice(said.length), secure);
  if (target === undefined || target.port !== socket.localPort) return undefined;
  if (!isOwnName(target.hostname, req)) return undefined;
  // Who reads the one would be misled by the other.
  const [host = '', ...others] = req.headersDistinct.host ?? [];
  const stated = readTarget(`//${host}`, secure);
  if (others.length > 0 || stated?.hostname !== target.hostname || stated.port !== target.port)
    return undefined;
  return target.path;
}

interface Target {
  readonly hostname: string;
  readonly port: number;
  readonly path: string;
}

/** @param rest of the URL, from `//` on */
function readTarget(rest: string, secure: boolean): Target | undefined {
  const parsed = parseDestination(`http:${rest}`, 'http');
  if ('malformed' in parsed) return undefined;
  const { hostname, path } = parsed;
  const stated = /^\/\/[^/?]*:\d+(?:[/?]|$)/.test(rest);
  return { hostname, port: secure && !stated ? 443 : parsed.port, path };
}

function isOwnName(hostname: string, { socket }: IncomingMessage): boolean {
  const own = parseAddress(socket.localAddress?.split('%', 1)[0] ?? '');
  if (own === undefined) return false;
  const literal = parseAddress(hostname);
  if (literal !== undefined) return literal.text === own.text;
  if (hostname === 'localhost') return addressClass(own) === 'loopback';
  return (
    socket instanceof TLSSocket &&
    socket.getX509Certificate()?.checkHost(hostname, { subject: 'never' }) !== undefined
  );
}
