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
  return (req) => {
    let value: unknown = req;
    for (const name of given) value = (value as Record<string, unknown> | null | undefined)?.[name];
    return text(value);
  };
}

/** An object would be the same text for everybody: the engine refuses it. */
function text(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'object':
    case 'function':
      return value === null ? 'null' : (value as unknown as string);
    default:
      return String(value);
  }
}
