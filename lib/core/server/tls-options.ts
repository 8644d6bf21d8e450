import type { PeerCertificate } from 'node:tls';
import { z } from 'zod';
import { parseHost } from '../http/host.ts';
import {
  count,
  duration,
  func,
  oneOf,
  quote,
  refuse,
  schemaOf,
  type Duration,
} from '../options.ts';
import { plainName } from './sni.ts';

/** PEM text, or the path of a file that has it; a path is what has no `-----BEGIN`. */
export type Pem = string | Buffer;

/** A certificate with its key. */
export interface CertificateOptions {
  /** The certificate, followed by the intermediate ones. */
  readonly cert: Pem;
  /** Its private key. */
  readonly key: Pem;
  /** Intermediate certificates that `cert` does not have, sent behind it. @default none */
  readonly ca?: Pem | undefined;
  /** Of the key, when that is encrypted. @default none */
  readonly passphrase?: string | undefined;
}

/** Certificates that clients show (mTLS). */
export interface ClientCertificateOptions {
  /** The authorities whose certificates count. */
  readonly ca: Pem | readonly Pem[];
  /**
   * Whether the handshake fails without a certificate of theirs. With `false` such a client is one
   * without a user, for the app's gates to judge. @default true
   */
  readonly required?: boolean;
  /** Revocation lists, as PEM or path; of an authority that has none, or an expired one, no certificate counts. @default none */
  readonly crl?: Pem | readonly Pem[] | undefined;
  /**
   * The user's name, from a certificate that has been verified; undefined for no user.
   * @default the common name, else the first alternative name
   */
  readonly name?: ((certificate: PeerCertificate) => string | undefined) | undefined;
  /** Whether servers behind get the certificate as `Client-Cert` (RFC 9440). @default true */
  readonly forward?: boolean;
}

/** TLS in front. */
export interface ServeTlsOptions extends CertificateOptions {
  /**
   * More certificates, by the name the client asks for (SNI): `'shop.example.com'`, or
   * `'*.example.com'` for every name one label below. The exact name wins. @default none
   */
  readonly sni?: Readonly<Record<string, CertificateOptions>>;
  /**
   * What a client gets that asks for a name which is not among `sni`: the certificate of `cert`, or, unless
   * that is for the name, no connection. Clients that name nothing always get it. @default 'default'
   */
  readonly unknownName?: 'default' | 'refuse';
  /** Whether files are watched and read again when they change; connections stay. @default true */
  readonly watch?: boolean;
  /** @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's names, of TLS 1.2 and 1.3. @default those of Mozilla's "intermediate" profile that keep secrets ahead (ECDHE) */
  readonly ciphers?: string;
  readonly clientCertificates?: ClientCertificateOptions | undefined;
  /**
   * Encrypts session tickets: 48 random bytes, or the path of a file that has them. Give the same to
   * several processes, so that clients can resume with any of them, and change it daily.
   * @default random, changed every day
   */
  readonly ticketKeys?: Buffer | string | undefined;
  /** From how long before its end on a certificate is warned about. @default '14 days' */
  readonly expiryWarning?: Duration;
}

/** A plain HTTP listener that sends everybody to https. */
export interface RedirectFromOptions {
  /** @default 80 */
  readonly port?: number;
  /** @default that of `host` */
  readonly host?: string | undefined;
  /** The port clients are sent to, when a container or router maps it. @default the port of the https server */
  readonly httpsPort?: number | undefined;
}

/** Profile "intermediate" of ssl-config.mozilla.org without its DHE suites. */
const intermediate = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** The length node:tls wants. */
export const ticketKeysLength = 48;

function pem(what: string): z.ZodType<Pem> {
  return z.custom<Pem>(
    (value) => (typeof value === 'string' || Buffer.isBuffer(value)) && value.length > 0,
    {
      // The value may be a private key: it is not quoted.
      error: () => `is missing or no PEM; give the ${what} as PEM text, or the path of its file`,
    },
  );
}

const certificateShape = {
  cert: pem('certificate'),
  key: pem('private key'),
  ca: pem('intermediate certificates').optional(),
  passphrase: z.string().optional(),
};

function oneOrMore(what: string): z.ZodType<readonly Pem[], Pem | readonly Pem[]> {
  const listed = z
    .union([pem(what), z.array(pem(what)).min(1)])
    .transform(
      (value): readonly Pem[] => (Array.isArray(value) ? value : [value]) as readonly Pem[],
    );
  return listed as unknown as z.ZodType<readonly Pem[], Pem | readonly Pem[]>;
}

const sni = z
  .record(z.string(), schemaOf<CertificateOptions>()(certificateShape))
  .superRefine((named, context) => {
    const seen = new Map<string, string>();
    for (const name of Object.keys(named)) {
      if (!isName(name.startsWith('*.') ? name.slice(2) : name))
        refuse(context, name, "is no name; use one such as 'shop.example.com' or '*.example.com'");
      const same = seen.get(plainName(name));
      if (same !== undefined)
        refuse(context, name, `is the same name as '${same}'; leave one of them out`);
      seen.set(plainName(name), name);
    }
  });

function isName(name: string): boolean {
  return parseHost(name) !== undefined && !name.includes(':');
}

export const tlsSchema = schemaOf<ServeTlsOptions>()({
  ...certificateShape,
  sni: sni.default({}),
  unknownName: oneOf(['default', 'refuse']).default('default'),
  watch: flag().default(true),
  minVersion: oneOf(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  ciphers: z.string().min(1).default(intermediate),
  clientCertificates: schemaOf<ClientCertificateOptions>()({
    ca: oneOrMore('authorities'),
    required: flag().default(true),
    crl: oneOrMore('revocation list').optional(),
    name: func<(certificate: PeerCertificate) => string | undefined>().optional(),
    forward: flag().default(true),
  }).optional(),
  ticketKeys: z
    .custom<Buffer | string>(
      (value) =>
        typeof value === 'string' || (Buffer.isBuffer(value) && value.length === ticketKeysLength),
      {
        error: () =>
          `is not usable; give ${ticketKeysLength} random bytes as a Buffer, or the path of a file that has them`,
      },
    )
    .optional(),
  expiryWarning: duration().default(14 * 86_400_000),
});

export type ParsedTls = z.output<typeof tlsSchema>;
export type ParsedClientCertificates = NonNullable<ParsedTls['clientCertificates']>;

export function redirectFromField(): z.ZodType<
  { port: number; host?: string | undefined; httpsPort?: number | undefined } | undefined,
  number | RedirectFromOptions | undefined
> {
  return z
    .union([
      count(0, 65535).transform((port) => ({ port })),
      schemaOf<RedirectFromOptions>()({
        port: count(0, 65535).default(80),
        host: z.string().min(1).optional(),
        httpsPort: count(1, 65535).optional(),
      }),
    ])
    .optional() as never;
}

export function flag(): z.ZodType<boolean> {
  return z.custom<boolean>((value) => typeof value === 'boolean', {
    error: ({ input }) => `${quote(input)} is not allowed; use true or false`,
  });
}
