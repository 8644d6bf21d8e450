import type { RecordWithTtl } from 'node:dns';
import type { Resolver } from 'node:dns/promises';
import { clock } from '../../clock.ts';

/** When one family has answered, the other gets this long (milliseconds). */
const patience = 500;

/**
 * The A and AAAA records of a name, A first. Name servers that never answer for AAAA are many: they cost a moment, not the
 * name.
 *
 * @throws what the resolver throws, when neither family has an address
 */
export function recordsOf(resolver: Resolver, hostname: string): Promise<readonly RecordWithTtl[]> {
  return new Promise((resolve, reject) => {
    const records: RecordWithTtl[][] = [[], []];
    let open = records.length;
    let failure: unknown;
    let cancel: (() => void) | undefined;

    function end(): void {
      cancel?.();
      const found = records.flat();
      if (found.length > 0) resolve(found);
      else reject(failure);
    }
    const families = [
      resolver.resolve4(hostname, { ttl: true }),
      resolver.resolve6(hostname, { ttl: true }),
    ];
    for (const [index, family] of families.entries())
      family
        .then(
          (found) => {
            records[index] = found;
            cancel ??= clock.after(patience, end);
          },
          (error: unknown) => {
            failure ??= error;
          },
        )
        .finally(() => {
          if (--open === 0) end();
        });
  });
}
