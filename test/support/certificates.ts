/** Certificates for tests, made when asked for. */
import { generate } from 'selfsigned';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

interface Validity {
  readonly from?: Date;
  readonly until?: Date;
}

export interface Authority extends Certificate {
  /** A certificate of this authority for these DNS names and addresses. */
  issue(...names: readonly string[]): Promise<Certificate>;
  /** One that is valid only from then till then. */
  issueFor(validity: Validity, ...names: readonly string[]): Promise<Certificate>;
}

const validFrom = new Date('2020-01-01T00:00:00Z');
const validUntil = new Date('2049-01-01T00:00:00Z');
const common = {
  keyType: 'ec',
  algorithm: 'sha256',
  notBeforeDate: validFrom,
  notAfterDate: validUntil,
} as const;

export async function createAuthority(name = 'Test CA'): Promise<Authority> {
  const ca = await generate([{ name: 'commonName', value: name }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    cert: ca.cert,
    key: ca.private,
    issue: (...names) => issue({}, names),
    issueFor: (validity, ...names) => issue(validity, names),
  };

  async function issue({ from, until }: Validity, names: readonly string[]): Promise<Certificate> {
    const leaf = await generate([{ name: 'commonName', value: names[0] ?? 'localhost' }], {
      ...common,
      ...(from && { notBeforeDate: from }),
      ...(until && { notAfterDate: until }),
      ca: { cert: ca.cert, key: ca.private },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true },
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        {
          name: 'subjectAltName',
          altNames: names.map((each) =>
            /^[\d.]+$|:/.test(each) ? { type: 7, ip: each } : { type: 2, value: each },
          ),
        },
      ],
    });
    return { cert: leaf.cert, key: leaf.private };
  }
}
