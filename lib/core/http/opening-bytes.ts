/** What a client has begun to speak inside its tunnel. */
export type Opening = 'tls' | 'http' | 'other';

const tlsHandshake = 0x16;
const space = 0x20;
const longestMethod = 24;

/**
 * Tells TLS and HTTP from anything else by the first bytes: a handshake record, or a method in capitals with a space behind.
 *
 * @returns undefined when that cannot be told yet
 */
export function readOpening(bytes: Uint8Array): Opening | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] === tlsHandshake) return 'tls';
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === space && at > 0) return 'http';
    if (byte < 0x41 || byte > 0x5a || at >= longestMethod) return 'other';
  }
  return undefined;
}
