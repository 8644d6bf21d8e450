import type { Detector, Sighting, View } from './detector.ts';
import { entropy } from './entropy.ts';
import type { Severity } from './rules.ts';

/** What kinds of secrets are known; the names are those in alerts. */
export const secretKinds = [
  'aws-access-key',
  'google-api-key',
  'azure-key',
  'github-token',
  'gitlab-token',
  'slack-token',
  'slack-webhook',
  'stripe-key',
  'private-key',
  'jwt',
  'credential',
] as const;

export type SecretKind = (typeof secretKinds)[number];

interface SecretPattern {
  readonly severity: Severity;
  /** Global, and each repetition has a limit: it is bounded by `maxReach` and cannot stall. */
  readonly pattern: RegExp;
  readonly accept?: (value: string) => boolean;
}

/**
 * As their issuers document them. Each begins with characters of its own and looks back only behind them: that is ten
 * times as fast. The first group, where there is one, is the secret itself.
 */
// prettier-ignore
const patterns: Readonly<Record<SecretKind, SecretPattern>> = {
  // The ID of a key in a signed URL is meant to be seen.
  'aws-access-key': { severity: 'high', pattern: /A[KS]IA(?<![A-Za-z0-9]....|X-Amz-Credential=....)[A-Z0-9]{16}(?![A-Za-z0-9])/g },
  'google-api-key': { severity: 'high', pattern: /AIza(?<![\w-]....)[\w-]{35}(?![\w-])/g },
  'azure-key': { severity: 'high', pattern: /Key=(?<=AccountKey=|SharedAccessKey=)([A-Za-z0-9+/]{42,86}={1,2})/g },
  'github-token': { severity: 'high', pattern: /g(?<!\wg)(?:h[pousr]_[A-Za-z0-9]{36,251}|ithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})(?!\w)/g },
  'gitlab-token': { severity: 'high', pattern: /glpat-(?<![\w-]glpat-)[\w-]{20,64}(?![\w-])/g },
  'slack-token': { severity: 'high', pattern: /x(?<![\w-]x)(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10,250}/g },
  'slack-webhook': { severity: 'high', pattern: /hooks\.slack\.com\/services\/(T[A-Z0-9]{8,12}\/B[A-Z0-9]{8,12}\/[A-Za-z0-9]{24})/g },
  'stripe-key': { severity: 'high', pattern: /[rs]k_live_(?<!\w........)[A-Za-z0-9]{16,247}(?!\w)/g },
  'private-key': { severity: 'high', pattern: /-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g },
  // Programs hand them around in bodies as a matter of course: they are told of, and stop nothing.
  jwt: { severity: 'low', pattern: /eyJ(?<![\w.-]eyJ)[\w-]{10,300}\.eyJ[\w-]{10,2000}(?=\.[\w-]{16})/g },
  // `api_key = "…`, `"clientSecret": "…`: a value that is meant to be secret.
  credential: {
    severity: 'medium',
    pattern: /(?:api[\s_-]?key|access[\s_-]?key|secret(?:[\s_-]?key)?|(?:auth|access|api|bearer|refresh)[\s_-]?token|passw(?:or)?d|private[\s_-]?token|(?<!X-Amz-)credentials?)\w{0,16}["']?\s{0,4}(?:[:=]|=>|:=)\s{0,4}["']?([A-Za-z0-9+/_=.-]{20,256})(?![A-Za-z0-9+/_=.-])/gi,
    accept: looksRandom,
  },
};

/** Bits per character: words and dates have less, what a random generator made has more. */
const leastEntropy = 3.5;

function looksRandom(value: string): boolean {
  return /\d/.test(value) && /[A-Za-z]/.test(value) && entropy(value) >= leastEntropy;
}

/** One of these stands in every secret but the last kind. */
const prefixes =
  /A[KS]IA|AIza|Key=|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|hooks\.slack|k_live_|-----BEGIN|eyJ/;
/** And one of these in that. */
const assigned = /key|secret|token|passw|credential/i;

/** One of them stands in every text that holds a secret. */
export const secretHints: readonly RegExp[] = [prefixes, assigned];

export function secretDetectors(kinds: readonly SecretKind[]): (() => Detector)[] {
  return kinds.map((kind) => () => new SecretDetector(kind, patterns[kind]));
}

class SecretDetector implements Detector {
  readonly hint: RegExp;
  readonly #kind: SecretKind;
  readonly #severity: Severity;
  readonly #pattern: RegExp;
  readonly #accept: SecretPattern['accept'];

  constructor(kind: SecretKind, { severity, pattern, accept }: SecretPattern) {
    this.hint = kind === 'credential' ? assigned : prefixes;
    this.#kind = kind;
    this.#severity = severity;
    this.#pattern = pattern;
    this.#accept = accept;
  }

  scan({ text, from, to }: View): Sighting | undefined {
    const pattern = this.#pattern;
    pattern.lastIndex = from;
    for (;;) {
      const match = pattern.exec(text);
      if (match === null || match.index >= to) return undefined;
      const [whole, value = whole] = match;
      if (this.#accept?.(value) === false) continue;
      const at = match.index + whole.lastIndexOf(value);
      return { rule: 'secret', kind: this.#kind, severity: this.#severity, at, value };
    }
  }
}
