import type { Request } from 'express';

const loopback = /^(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|::ffff:127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;
/** RFC 8555 §8.3: the token is base64url without padding, and nothing follows it. */
const challenge = /^\/\.well-known\/acme-challenge\/[\w-]+$/;
const proxyFields = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'];

/**
 * The client itself sits on this machine. A request that a proxy on this machine handed on does
 * not count, whoever its client is: else one unset `trust proxy` would exempt the whole world.
 */
export function fromLoopback(req: Request): boolean {
  return (
    loopback.test(req.socket.remoteAddress ?? '') &&
    !proxyFields.some((field) => field in req.headers)
  );
}

/** An ACME server asks for an http-01 challenge, which it must be able to do over plain HTTP. */
export function isChallenge(req: Request): boolean {
  return (req.method === 'GET' || req.method === 'HEAD') && challenge.test(req.originalUrl);
}
