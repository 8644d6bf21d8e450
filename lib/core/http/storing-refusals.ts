/** Why an answer is not stored. Public: they stand in logs and in the transaction record. */
export type StoringRefusal =
  | 'method'
  | 'interim'
  | 'partial'
  | 'not-modified'
  | 'precondition'
  | 'status'
  | 'request-no-store'
  | 'must-understand'
  | 'no-store'
  | 'private'
  | 'vary-any'
  | 'vary-inside'
  | 'set-cookie'
  | 'authorization'
  | 'cookie'
  | 'no-cache'
  | 'expired'
  | 'no-freshness'
  | 'too-large'
  | 'local';

/** What each reason means, in the order in which they are looked for. */
// prettier-ignore
export const storingRefusals: Readonly<Record<StoringRefusal, string>> = {
  method: 'the method is not one whose answers are stored here: GET, and POST with explicit freshness and its own URL in Content-Location (RFC 9110 §9.3.3)',
  interim: 'the status is 1xx: the answer is still to come (RFC 9111 §3)',
  partial: 'the status is 206: it is a part of the answer (RFC 9111 §3.3)',
  'not-modified': 'the status is 304: it speaks of an answer somebody else has (RFC 9111 §4.3.3)',
  precondition: 'the status is 412 or 416: it answers a condition or range of one request',
  status: 'the policy does not want this status, or it is none at all',
  'request-no-store': 'the request says no-store (RFC 9111 §5.2.1.5)',
  'must-understand': 'the answer says must-understand, and its status is not one of RFC 9110 (RFC 9111 §5.2.2.3)',
  'no-store': 'the answer says no-store (RFC 9111 §5.2.2.5)',
  private: 'the answer says private (RFC 9111 §5.2.2.7)',
  'vary-any': 'Vary has the member *: no other request can have this answer (RFC 9111 §4.1)',
  'vary-inside': 'Vary names a field that something between this cache and the origin has set, which other requests cannot be told apart by',
  'set-cookie': 'the answer sets a cookie, which is for one user (RFC 9111 §7.3)',
  authorization: 'the request had credentials, and the answer does not say that it is for others, too (RFC 9111 §3.5)',
  cookie: 'the request had cookies, and the answer does not say that it is for others, too',
  'no-cache': 'the answer must be validated before each use, and has no validator (RFC 9111 §5.2.2.4)',
  expired: 'the answer is stale on arrival, and has no validator',
  'no-freshness': 'the answer does not say for how long it is fresh, nothing else says so, and it has no validator (RFC 9111 §3)',
  'too-large': 'the answer is larger than one entry may be',
  local: 'a route of the app has answered a request that was meant for another server',
};
