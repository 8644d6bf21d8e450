/** What an address is for; everything but `public` is nothing a stranger's request should lead to. */
export type AddressClass =
  | 'public'
  | 'loopback'
  | 'private'
  | 'link-local'
  /** Behind a carrier's NAT (RFC 6598). */
  | 'shared'
  /** Where clouds tell a machine its credentials, or speak to it in other ways. */
  | 'metadata'
  /** "This host on this network" (RFC 1122 §3.2.1.3): connects to the machine itself. */
  | 'unspecified'
  | 'multicast'
  | 'documentation'
  | 'benchmarking'
  /** Set apart for a protocol of its own, or for nothing yet. */
  | 'reserved'
  /** Carries an IPv4 address, which says what it is for. */
  | 'carrier';

/**
 * Blocks of addresses and what they are for; the first that fits counts. All of the IANA IPv4 and IPv6 Special-Purpose
 * Address Registries, also what they call globally reachable (anycast of AS112, AMT, PCP and TURN serve hosts, not web
 * sites), multicast, the metadata services of clouds, and the IPv6 space outside of 2000::/3.
 */
// prettier-ignore
export const specialBlocks: readonly (readonly [block: string, kind: AddressClass])[] = [
  ['168.63.129.16', 'metadata'],      // Azure's WireServer: in the middle of public space
  ['169.254.169.254', 'metadata'],    // AWS, Azure, GCP, DigitalOcean, OpenStack
  ['169.254.169.253', 'metadata'],    // AWS: DNS of the VPC
  ['169.254.169.123', 'metadata'],    // AWS: time
  ['169.254.170.2', 'metadata'],      // AWS ECS: credentials of a task
  ['169.254.170.23', 'metadata'],     // AWS EKS: credentials of a pod
  ['169.254.42.42', 'metadata'],      // Scaleway
  ['100.100.100.200', 'metadata'],    // Alibaba
  ['192.0.0.192', 'metadata'],        // Oracle, older than 169.254.169.254 there
  ['0.0.0.0/8', 'unspecified'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'shared'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'reserved'],       // IETF protocol assignments (RFC 6890)
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'reserved'],    // AS112 (RFC 7535)
  ['192.52.193.0/24', 'reserved'],    // AMT (RFC 7450)
  ['192.88.99.0/24', 'reserved'],     // 6to4 relays (RFC 7526)
  ['192.168.0.0/16', 'private'],
  ['192.175.48.0/24', 'reserved'],    // AS112 (RFC 7534)
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],        // with 255.255.255.255

  ['fd00:ec2::254', 'metadata'],      // AWS
  ['fd00:ec2::253', 'metadata'],
  ['fd00:ec2::23', 'metadata'],
  ['fd20:ce::254', 'metadata'],       // GCP
  ['fd00:42::42', 'metadata'],        // Scaleway
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['64:ff9b::/96', 'carrier'],        // NAT64 (RFC 6052)
  ['64:ff9b:1::/48', 'reserved'],     // NAT64 of a site's own (RFC 8215)
  ['100::/64', 'reserved'],           // discard (RFC 6666)
  ['2001::/32', 'carrier'],           // Teredo
  ['2001:2::/48', 'benchmarking'],
  ['2001::/23', 'reserved'],          // IETF protocol assignments: ORCHID, DRIP, anycast
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', 'carrier'],           // 6to4
  ['2620:4f:8000::/48', 'reserved'],  // AS112 (RFC 7534)
  ['3fff::/20', 'documentation'],
  ['5f00::/16', 'reserved'],          // SRv6 SIDs (RFC 9602)
  ['fc00::/7', 'private'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'private'],           // site-local, deprecated by RFC 3879
  ['ff00::/8', 'multicast'],
  ['::/3', 'reserved'],
  ['4000::/2', 'reserved'],
  ['8000::/1', 'reserved'],
];
