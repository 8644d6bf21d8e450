/** Words that make a name one of a secret, standing alone or as the last part: `token`, `api_key`, `X-Amz-Signature`. */
const words =
  'token|key|secret|password|passwd|passphrase|pwd|pass|sig|signature|credentials?|authorization|auth|jwt|otp|pin|session|sessionid|sid|ticket|assertion|cookie';
const secret = new RegExp(`(?:^|[^a-z0-9])(?:${words})[^a-z0-9]*$`);
/** Those whose last part has no border: `apikey`, `accessToken`. */
const joined =
  /(?:token|apikey|accesskey|privatekey|secret|password|signature|credential|sessionid|jsessionid|phpsessid)$/;
/** Only the whole name: a `zipcode` is no secret. */
const whole: ReadonlySet<string> = new Set([
  'code',
  'state',
  'nonce',
  'samlresponse',
  'samlrequest',
  'samlart',
  'logintoken',
]);

/** Names of the caller's, besides the built-in rule. */
export type SecretName = string | RegExp;

export type IsSecret = (name: string) => boolean;

/** Whether a value of this name is to be masked. */
export function secretNames(own: readonly SecretName[]): IsSecret {
  const names = new Set(
    own.filter((name) => typeof name === 'string').map((name) => name.toLowerCase()),
  );
  // A copy without state: a caller's `g` would remember where it has been.
  const patterns = own
    .filter((name) => typeof name !== 'string')
    .map(({ source, flags }) => new RegExp(source, flags.replace(/[gy]/g, '')));
  return (name) => {
    const lower = name.toLowerCase();
    return (
      secret.test(lower) ||
      joined.test(lower) ||
      whole.has(lower) ||
      names.has(lower) ||
      patterns.some((pattern) => pattern.test(name))
    );
  };
}
