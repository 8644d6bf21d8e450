/** What is served in the benchmark of the cache, by whomever. */
export interface Answer {
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function answer(size: number, cacheControl: string): Answer {
  return {
    fields: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': cacheControl,
      ETag: `"bench-${size}"`,
      'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
    },
    body: Buffer.alloc(size, '0123456789abcde\n'),
  };
}

/** By path; what stands below `/unique` and `/no-store` has 1 KiB, too. */
export const answers: Readonly<Record<string, Answer>> = {
  '/1k': answer(1024, 'max-age=3600'),
  '/64k': answer(65_536, 'max-age=3600'),
  '/unique': answer(1024, 'max-age=3600'),
  '/no-store': answer(1024, 'no-store'),
};
