import { z } from 'zod';
import { refuse } from '../core/options.ts';

/** A proxy through which everything goes. */
export interface ParentProxy {
  readonly hostname: string;
  readonly port: number;
  /** `host:port`, without credentials. */
  readonly name: string;
  /** `Proxy-Authorization` for it. */
  readonly authorization: string | undefined;
}

export function parentField(): z.ZodType<ParentProxy | undefined, string | URL | undefined> {
  return z
    .union([z.string(), z.instanceof(URL)])
    .transform((input, context) => {
      const url = URL.parse(String(input));
      if (url?.protocol !== 'http:' || url.hostname === '')
        return refuse(
          context,
          String(input),
          "is no proxy; use a URL such as 'http://proxy.example:3128' or 'http://user:password@proxy.example:3128'",
        );
      if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
        return refuse(context, String(input), 'has more than host and port; take the rest out');
      const credentials = credentialsOf(url);
      if (credentials === undefined)
        return refuse(context, String(input), 'has malformed escapes in its credentials');
      const port = url.port === '' ? 80 : Number(url.port);
      return {
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port,
        name: `${url.hostname}:${port}`,
        authorization: credentials === '' ? undefined : basic(credentials),
      };
    })
    .optional();
}

/** RFC 7617. */
function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

function credentialsOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return '';
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}
