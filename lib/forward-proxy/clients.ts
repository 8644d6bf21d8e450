import type { Request } from 'express';
import { z } from 'zod';
import {
  addressClass,
  isWithin,
  parseAddress,
  parseNetwork,
  type Address,
} from '../core/http/address.ts';
import { quote, refuse } from '../core/options.ts';

/** Tells whether a client may use the proxy, by the address of its connection. */
export type ClientPredicate = (address: string, req: Request) => boolean;
export type ClientsOption = readonly string[] | ClientPredicate;

/** Addresses and blocks, or a function. */
export function clientsField(): z.ZodType<ClientPredicate | undefined, ClientsOption | undefined> {
  const block = z
    .string()
    .transform(
      (value, context) =>
        parseNetwork(value) ??
        refuse(context, value, "is no address; use one, or a block such as '10.0.0.0/8'"),
    );
  const blocks = z.array(block).transform((networks): ClientPredicate => (text) => {
    const address = addressOf(text);
    return address !== undefined && networks.some((network) => isWithin(address, network));
  });
  const predicate = z.custom<ClientPredicate>((value) => typeof value === 'function', {
    error: ({ input }) =>
      `${quote(input)} is neither a list nor a function; use a list such as ['10.0.0.0/8'], or a function of the address`,
  });
  return z.union([predicate, blocks]).optional() as never;
}

/** The default: whoever is not out on the internet. */
export function isInside(text: string): boolean {
  const address = addressOf(text);
  return address !== undefined && addressClass(address) !== 'public';
}

export function isLoopback(text: string | undefined): boolean {
  const address = addressOf(text ?? '');
  return address !== undefined && addressClass(address) === 'loopback';
}

/** As a socket tells it: with its zone, when it is a local one. */
function addressOf(text: string): Address | undefined {
  return parseAddress(text.split('%', 1)[0] ?? '');
}
