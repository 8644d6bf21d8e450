import type { IncomingMessage } from 'node:http';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { contextOf, type AuthenticatedUser } from '../context.ts';
import { warn } from '../warn.ts';
import { Http2Socket } from './http2-socket.ts';
import type { ParsedClientCertificates } from './tls-options.ts';
import type { Chain } from './upgrade-door.ts';

interface Identified {
  readonly user: AuthenticatedUser;
  /** Names and values in turn. */
  readonly fields: readonly string[] | undefined;
}

/** An app whose requests know who the client is by its certificate: `req.auth`, and `Client-Cert` for servers behind. */
export function identifyClients(app: Chain, options: ParsedClientCertificates): Chain {
  const known = new WeakMap<TLSSocket, Identified | 'nobody'>();

  return function identifiedByCertificate(req, res, next) {
    const socket = connectionOf(req);
    if (socket !== undefined) {
      let identified = known.get(socket);
      if (identified === undefined) {
        identified = identify(socket, options) ?? 'nobody';
        known.set(socket, identified);
      }
      if (identified !== 'nobody') tell(req, identified);
    }
    return app(req, res, next);
  };
}

function connectionOf({ socket }: IncomingMessage): TLSSocket | undefined {
  const given: unknown = socket;
  if (given instanceof Http2Socket) return given.connection;
  return given instanceof TLSSocket ? given : undefined;
}

function tell(req: IncomingMessage, { user, fields }: Identified): void {
  const context = contextOf(req);
  context.user = user;
  context.transaction.user = user.name;
  if (fields !== undefined) context.identity = [...(context.identity ?? []), ...fields];
  // `user` is what express-basic-auth calls the name, and so does authGate().
  (req as { auth?: unknown }).auth = { user: user.name, ...user };
}

/** Undefined when there is no certificate, or none that has been verified. */
function identify(
  socket: TLSSocket,
  { name: nameOf = nameIn, forward }: ParsedClientCertificates,
): Identified | undefined {
  // A resumed session may count as authorized though there was no certificate (Node before 24.15).
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate>;
  if (certificate.raw === undefined) return undefined;
  const peer = certificate as PeerCertificate;
  let name: string | undefined;
  try {
    name = nameOf(peer);
  } catch (cause) {
    warn('SEKISHO_CERTIFICATE', 'tls.clientCertificates.name threw: the client has no user', cause);
  }
  if (name === undefined || name === '') return undefined;
  return {
    user: userOf(name, peer),
    fields: forward ? ['Client-Cert', `:${peer.raw.toString('base64')}:`] : undefined,
  };
}

function nameIn({ subject, subjectaltname }: PeerCertificate): string | undefined {
  const { CN } = subject as Partial<PeerCertificate['subject']>;
  return [CN ?? []].flat()[0] ?? alternativeNames(subjectaltname)[0]?.value;
}

function userOf(name: string, peer: PeerCertificate): AuthenticatedUser {
  const { subject, issuer, serialNumber, fingerprint256, valid_from, valid_to, subjectaltname } =
    peer;
  const email = alternativeNames(subjectaltname).find(({ kind }) => kind === 'email')?.value;
  const { OU } = subject as Partial<PeerCertificate['subject']>;
  return {
    name,
    scheme: 'certificate',
    email,
    groups: [OU ?? []].flat(),
    claims: { subject, issuer, serialNumber, fingerprint256, valid_from, valid_to, subjectaltname },
  };
}

/** Node writes `DNS:a.example, email:b@example`, and quotes what has commas or quotes in it. */
function alternativeNames(text: string | undefined): { kind: string; value: string }[] {
  return [
    ...(text ?? '').matchAll(/(DNS|email|URI|IP Address):(?:"((?:[^"\\]|\\.)*)"|([^,]*))(?:, |$)/g),
  ].map(([, kind = '', quoted, plain = '']) => ({ kind, value: quoted ?? plain }));
}
