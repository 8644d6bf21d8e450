/** A place in a distributed trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits: the span of whoever has sent the request. */
  readonly parentId: string;
  readonly sampled: boolean;
}

/** Version, trace-id, parent-id and flags; versions to come may have more behind another dash (§3.2.2, §4.3). */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a `traceparent` field (W3C Trace Context §3.2); undefined when it is not valid. */
export function parseTraceparent(value: string): TraceContext | undefined {
  const [, version, traceId = '', parentId = '', flags = '', rest] = form.exec(value) ?? [];
  if (version === undefined || version === 'ff') return undefined;
  if (version === '00' && rest !== undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
