import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { memoised } from '../core/http/memo.ts';
import { refuse } from '../core/options.ts';

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Whether an address, as `req.ip` has it, is in one of some networks. */
export type Networks = (address: string) => boolean;

/** Networks and single addresses as an option. */
export function networksField(): z.ZodType<Networks, readonly string[]> {
  return z
    .array(
      z.string().transform((text, context): Network => {
        return (
          networkOf(text) ??
          refuse(context, text, "is no network; use one such as '10.1.0.0/16' or 'fd00::/8'")
        );
      }),
    )
    .transform((networks): Networks => {
      return memoised((address) => {
        const client = addressOf(address);
        return client !== undefined && networks.some((network) => contains(network, client));
      });
    });
}

function networkOf(text: string): Network | undefined {
  if (!ipaddr.isValidCIDR(text)) {
    const single = addressOf(text);
    return single && [single, single.kind() === 'ipv4' ? 32 : 128];
  }
  const [base, bits] = ipaddr.parseCIDR(text);
  // `::ffff:10.0.0.0/104` is a way to write 10.0.0.0/8.
  if (base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && bits >= 96)
    return [base.toIPv4Address(), bits - 96];
  return [base, bits];
}

/** `::ffff:10.0.0.1` is 10.0.0.1; a zone id says by which interface, not who. */
function addressOf(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const [address = ''] = text.split('%', 1);
  if (!ipaddr.IPv6.isValid(address) && !ipaddr.IPv4.isValidFourPartDecimal(address))
    return undefined;
  return ipaddr.process(address);
}

function contains([base, bits]: Network, client: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return base.kind() === client.kind() && client.match(base, bits);
}
