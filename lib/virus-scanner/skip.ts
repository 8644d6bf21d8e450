/** What is not scanned. */
export interface SkipRules {
  /** Lower-cased media types; `image/*`. */
  readonly types: readonly string[];
  /** Lower-cased host names. */
  readonly hosts: readonly string[];
}

/** Streams that have no end at which they could be judged. */
const endless: ReadonlySet<string> = new Set([
  'text/event-stream',
  'multipart/x-mixed-replace',
  'application/grpc',
]);

/**
 * Type and subtype of a Content-Type, in lower case; empty when there is none, and when there are several: nobody knows
 * which of them a client goes by. So a comma anywhere makes it none, also within quotes, that may begin in one line and end
 * in the next.
 */
export function mediaTypeOf(contentType: string | undefined): string {
  if (contentType === undefined || contentType.includes(',')) return '';
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

export function skipsType({ types }: SkipRules, type: string): boolean {
  return types.some((rule) =>
    rule.endsWith('/*') ? type.startsWith(rule.slice(0, -1)) : type === rule,
  );
}

export function skipsHost({ hosts }: SkipRules, hostname: string | undefined): boolean {
  if (hostname === undefined) return false;
  return hosts.some((host) => hostname === host || hostname.endsWith(`.${host}`));
}

export function isEndless(type: string): boolean {
  return endless.has(type) || type.startsWith('application/grpc+');
}
