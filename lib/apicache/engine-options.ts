import type { Request, Response } from 'express';
import type { CacheOptions, CacheStore } from '../cache/index.ts';
import type { ApicacheSettings } from './options.ts';

/** What apicache's options are in `cache()`. */
export function engineOptions(
  settings: ApicacheSettings,
  ttl: number,
  store: CacheStore,
  when: NonNullable<CacheOptions['when']>,
): CacheOptions {
  const { include, exclude } = settings.statusCodes;
  const appendKey = keyPart(settings.appendKey);
  return {
    ttl,
    store,
    when,
    // The duration counts, whatever the handler says of max-age; who may have the answer stays the handler's word.
    ignore: ['freshness'],
    cookies: settings.cookies,
    clientDirectives: settings.respectCacheControl,
    statusCodes: {
      ...(include.length === 0 ? {} : { include }),
      ...(exclude.length === 0 ? {} : { exclude }),
    },
    negativeTtl: Object.fromEntries(
      include.filter((status) => status >= 500).map((status) => [status, ttl]),
    ),
    ...(appendKey === undefined ? {} : { appendKey }),
  };
}

function keyPart(given: ApicacheSettings['appendKey']): CacheOptions['appendKey'] {
  if (typeof given === 'function') return (req, res) => text(given(req, res));
  if (given.length === 0) return undefined;
  return (req: Request, _res: Response) => {
    let value: unknown = req;
    for (const name of given) value = (value as Record<string, unknown> | null | undefined)?.[name];
    return text(value);
  };
}

/** An object would be the same text for everybody: the engine refuses it. */
function text(value: unknown): string {
  const plain = value === null || (typeof value !== 'object' && typeof value !== 'function');
  return plain ? String(value) : (value as string);
}
