import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { ProxyError } from '../errors.ts';
import { parseHost } from '../http/host.ts';
import { noteApp } from './attachments.ts';
import { answerClientErrors } from './client-error.ts';
import { refuseExpectations } from './expect-continue.ts';
import { refuseAtDoor } from './proxied-request.ts';

/** RFC 8555 §8.3: what an ACME server asks for over plain HTTP. */
const challenge = /^\/\.well-known\/acme-challenge\/[\w-]+$/;
const absoluteForm = /^http:\/\/([^/?#]*)(.*)$/is;

/**
 * A plain HTTP server that sends everybody to the same URL on https (308: method and body stay). Only
 * ACME challenges reach the app. Who asks for no well-formed host is answered 400.
 *
 * @param port tells the port of the https server
 */
export function createRedirectServer(app: RequestListener, port: () => number): Server {
  const server = createServer((req, res) => {
    const { method, url = '' } = req;
    if ((method === 'GET' || method === 'HEAD') && challenge.test(url)) {
      app(req, res);
      return;
    }
    const location = locationOf(req, port());
    // Nobody reads the body of a request that is asked again elsewhere.
    res.shouldKeepAlive =
      req.headers['content-length'] === undefined && !req.headers['transfer-encoding'];
    if (location === undefined)
      refuseAtDoor(server, req, res, new ProxyError('ERR_SEKISHO_BAD_HOST'));
    else res.writeHead(308, { Location: location, 'Content-Length': 0 }).end();
  });
  noteApp(server, app);
  answerClientErrors(server);
  refuseExpectations(server);
  return server;
}

function locationOf(req: IncomingMessage, port: number): string | undefined {
  const hosts = req.headersDistinct.host ?? [];
  const host = hosts.length === 1 ? parseHost(hosts[0] as string) : undefined;
  if (host === undefined) return undefined;
  const path = pathOf(req.url ?? '', host.hostname);
  return path && `https://${host.hostname}${port === 443 ? '' : `:${port}`}${path}`;
}

function pathOf(target: string, hostname: string): string | undefined {
  if (target.startsWith('/')) return target;
  const [, authority = '', rest = ''] = absoluteForm.exec(target) ?? [];
  // RFC 9112 §3.2.2: the two are the same, or somebody is being deceived.
  if (parseHost(authority)?.hostname !== hostname) return undefined;
  return rest.startsWith('/') ? rest : `/${rest}`;
}
