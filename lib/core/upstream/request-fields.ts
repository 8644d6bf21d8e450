import type { Request } from 'express';
import type { FieldChanges, ForwardedOption, ParsedForwarderOptions } from './forward-options.ts';
import {
  forwarded,
  plainAddress,
  xForwardedFor,
  xForwardedPort,
  xForwardedPrefix,
} from '../http/forwarded.ts';
import { lowerName, memoised } from '../http/memo.ts';
import type { RequestReading } from '../http/request-reading.ts';
import { trustsPeer } from '../trusted-peer.ts';

/** `headers.request` or `headers.response`, made ready once. */
export interface PreparedChanges {
  /** Whether fields of this name are taken out, because they are set or removed. */
  readonly takesOut: (name: string) => boolean;
  /** Names and values in turn. */
  readonly add: readonly string[];
  /** A Host among them: it takes the place of the server's own. */
  readonly host: string | undefined;
}

export function prepareChanges(changes: FieldChanges | undefined): PreparedChanges | undefined {
  if (changes === undefined || Object.keys(changes).length === 0) return undefined;
  const add = Object.entries(changes).flatMap(([name, value]) =>
    value === null || value === false
      ? []
      : (typeof value === 'string' ? [value] : value).flatMap((single) => [name, single]),
  );
  const out = new Set(Object.keys(changes).map((name) => name.toLowerCase()));
  const host = add.find((_, at) => at % 2 === 1 && add[at - 1]?.toLowerCase() === 'host');
  return { takesOut: memoised((name) => out.has(name.toLowerCase())), add, host };
}

/** Applies the changes in place. */
export function applyChanges(fields: string[], { takesOut, add }: PreparedChanges): void {
  takeOut(fields, takesOut);
  fields.push(...add);
}

export function removeFields(fields: string[], names: ReadonlySet<string>): void {
  takeOut(fields, (name) => names.has(lowerName(name)));
}

function takeOut(fields: string[], takesOut: PreparedChanges['takesOut']): void {
  for (let index = fields.length - 2; index >= 0; index -= 2)
    if (takesOut(fields[index] as string)) fields.splice(index, 2);
}

/**
 * Adds what tells the server about the client and the way: `X-Forwarded-*`, `Forwarded`, `Via`. What the
 * client itself sent of these goes on only from a trusted peer, so nobody can forge an address.
 *
 * @param fields the end-to-end fields; added to in place
 * @param taken what was taken off the path
 */
export function addWayFields(
  fields: string[],
  req: Request,
  reading: RequestReading,
  taken: string,
  options: Pick<ParsedForwarderOptions, 'forwarded' | 'via'>,
): void {
  const { socket } = req;
  const trusted = trustsPeer(req);
  if (trusted && reading.claims !== undefined) fields.push(...reading.claims);
  if (options.forwarded !== false) {
    const secure = (socket as { encrypted?: boolean }).encrypted === true;
    const { host } = reading;
    const proto = secure ? 'https' : 'http';
    const way = { fields, reading, trusted, address: socket.remoteAddress, host, proto, taken };
    if (options.forwarded !== 'rfc7239') addXForwarded(way);
    if (options.forwarded !== 'x') addForwarded(way);
  }
  if (options.via !== false) {
    const member = `${req.httpVersion} ${options.via}`;
    fields.push('Via', reading.via === undefined ? member : `${reading.via}, ${member}`);
  } else if (reading.via !== undefined) fields.push('Via', reading.via);
}

/** What an untrusted peer has said counts for nothing. */
const nothing: Partial<RequestReading> = {};

interface Way {
  readonly fields: string[];
  readonly reading: RequestReading;
  readonly trusted: boolean;
  readonly address: string | undefined;
  readonly host: string | undefined;
  readonly proto: string;
  readonly taken: string;
}

function addXForwarded({ fields, reading, trusted, address, host, proto, taken }: Way): void {
  const before = trusted ? reading : nothing;
  fields.push('X-Forwarded-For', xForwardedFor(before.forwardedFor, address ?? 'unknown'));
  fields.push('X-Forwarded-Proto', before.forwardedProto ?? proto);
  if (host !== undefined) fields.push('X-Forwarded-Host', before.forwardedHost ?? host);
  fields.push('X-Forwarded-Port', before.forwardedPort ?? xForwardedPort(host, proto));
  const prefix = xForwardedPrefix(before.forwardedPrefix, taken);
  if (prefix !== '') fields.push('X-Forwarded-Prefix', prefix);
}

function addForwarded({ fields, reading, trusted, address, host, proto }: Way): void {
  const element = { for: plainAddress(address ?? 'unknown'), host, proto };
  fields.push('Forwarded', forwarded(trusted ? reading.forwarded : undefined, element));
}

export type { ForwardedOption };

/** More sekishos than this in a row are no architecture but a proxy whose target is itself. */
const mostPasses = 8;

/** The request has come through proxies of this name so often that it must be going in circles (RFC 9110 §7.6.3). */
export function goesInCircles(via: string | undefined, name: string | false): boolean {
  if (via === undefined || name === false) return false;
  const passes = via.split(',').filter((member) => member.trim().split(/\s+/)[1] === name);
  return passes.length >= mostPasses;
}
