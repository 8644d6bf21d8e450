/** What releases of Node that are supported do differently. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

/** Minor version by major version. */
function since(first: Readonly<Record<number, number>>): boolean {
  return minor >= (first[major] ?? 0);
}

/**
 * Whether Node tells that nghttp2 has given a session up because the peer broke the protocol. Else the session says
 * GOAWAY and reads nothing more, and nobody hears of it.
 */
export const tellsOfBrokenSessions: boolean = since({ 22: 23, 24: 17, 26: 1 });
