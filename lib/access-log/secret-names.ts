import { memoised } from '../core/http/memo.ts';

/** A name with one of these as a word is one of a secret: `token1`, `secret_id`, `X-Amz-Signature`. */
const words: ReadonlySet<string> = new Set(
  (
    'token tokens key keys secret secrets password passwords passwd passwort kennwort passphrase passcode pwd pass sig ' +
    'signature hmac credential credentials authorization auth bearer jwt otp pin session sid ticket assertion cookie csrf xsrf'
  ).split(' '),
);
/** Words that nobody has set a border in: `accesstoken`, `userpass`, `jsessionid`, `oauth`. A `monkey` is no key. */
const ending =
  /(?:tokens?|secret|password|passwd|passphrase|signature|credentials?|sess(?:ionid|ion|id)|auth|jwt|otp|pwd|hmac|(?<!\b(?:mon|tur|don|hoc|joc|loc|whis|hot|mic|ric|lac))keys?|(?<!\b(?:com|by|sur|tres|over|under|encom))pass)$/;
const beginning = /^(?:token|passw|bearer|credential|secret(?!ar))/;
/** Only the whole name, without its borders: a `zipcode` is no secret. */
const whole: ReadonlySet<string> = new Set(
  (
    'code state nonce codeverifier devicecode usercode accesscode securitycode verificationcode ' +
    'samlresponse samlrequest samlart wresult'
  ).split(' '),
);

/** `accessTokenValue`, `X-API-Key`, `token1`: words end at changes of case and at whatever is no letter. */
const word = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g;

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
  return memoised(
    (name) =>
      isSecret(name) ||
      names.has(name.toLowerCase()) ||
      patterns.some((pattern) => pattern.test(name)),
  );
}

function isSecret(name: string): boolean {
  const found = name.match(word)?.map((one) => one.toLowerCase()) ?? [];
  const joined = found.join('');
  return whole.has(joined) || hasSecretEnds(joined) || found.some(isSecretWord);
}

function isSecretWord(one: string): boolean {
  return words.has(one) || hasSecretEnds(one);
}

function hasSecretEnds(text: string): boolean {
  return ending.test(text) || beginning.test(text);
}
