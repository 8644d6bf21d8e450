import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { refuse, schemaOf } from '../options.ts';

type Pem = string | Buffer;

/** How connections to `https:` servers are secured. The names are node:tls's. */
export interface TlsOptions {
  /** Authorities to trust in place of the well-known ones, as PEM. @default Node's own */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** Client certificate, as PEM; needs `key`. @default none */
  readonly cert?: Pem | undefined;
  /** Key of the client certificate, as PEM; needs `cert`. @default none */
  readonly key?: Pem | undefined;
  /** The name that is sent (SNI) and that the server's certificate must be for. @default the hostname of the server's URL */
  readonly servername?: string | undefined;
  /** Whether a server without a valid certificate is refused. `false` makes TLS worthless against an active attacker. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
}

function pem(what: string): z.ZodType<Pem> {
  return z.custom<Pem>(
    (value) =>
      (typeof value === 'string' || Buffer.isBuffer(value)) && value.includes('-----BEGIN '),
    {
      // The value may be a private key: it is not quoted.
      error: () =>
        `the value given is no PEM; pass the contents of the ${what} file (it starts with '-----BEGIN'), not its path`,
    },
  );
}

export type ParsedTlsOptions = z.output<typeof tlsSchema>;

const tlsSchema = schemaOf<TlsOptions>()({
  ca: z.union([pem('CA'), z.array(pem('CA'))]).optional(),
  cert: pem('certificate').optional(),
  key: pem('key').optional(),
  servername: z.string().min(1).optional(),
  rejectUnauthorized: z.boolean().default(true),
});

export function tlsField(): z.ZodType<ParsedTlsOptions | undefined, TlsOptions | undefined> {
  return tlsSchema
    .superRefine((tls, context) => {
      if ((tls.cert === undefined) !== (tls.key === undefined))
        refuse(context, tls, 'has only one of cert and key; give both for a client certificate');
      try {
        createSecureContext({
          ...(tls.ca === undefined ? {} : { ca: tls.ca }),
          ...(tls.cert === undefined ? {} : { cert: tls.cert }),
          ...(tls.key === undefined ? {} : { key: tls.key }),
        });
      } catch (error) {
        refuse(
          context,
          tls,
          `cannot be used (${(error as Error).message}); check that ca, cert and key are whole and that the key belongs to the certificate`,
        );
      }
    })
    .optional() as never;
}
