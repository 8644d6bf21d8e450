/** Records as tests need them. */
import type { Entry, VaryRecord } from '../../lib/cache/entry.ts';

export function entry(more: Partial<Entry> = {}): Entry {
  return {
    kind: 'answer',
    status: 200,
    message: 'OK',
    fields: ['Content-Type', 'text/plain', 'ETag', '"a"'],
    trailers: [],
    body: Buffer.from('hello'),
    validity: {
      received: 1_700_000_000_000,
      initialAge: 0,
      lifetime: 60_000,
      staleWhileRevalidate: 0,
      staleIfError: 0,
      alwaysValidate: false,
      neverStale: false,
      assumed: false,
    },
    local: false,
    removed: [],
    url: 'https://shop.example/',
    groups: [],
    ...more,
  };
}

export function varyRecord(more: Partial<VaryRecord> = {}): VaryRecord {
  return {
    kind: 'vary',
    names: ['accept-language', 'accept-encoding'],
    generation: 'g1',
    url: 'https://shop.example/',
    groups: [],
    ...more,
  };
}
