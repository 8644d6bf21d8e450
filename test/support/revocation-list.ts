/** Lists of revoked certificates (RFC 5280 §5), which no module at hand makes. */
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import type { Certificate } from './certificates.ts';

const tags = {
  integer: 0x02,
  bits: 0x03,
  oid: 0x06,
  text: 0x0c,
  time: 0x17,
  list: 0x30,
  set: 0x31,
};
const ecdsaWithSha256 = Buffer.from('2a8648ce3d040302', 'hex');
const commonName = Buffer.from('550403', 'hex');

/** DER of one value; those used here are shorter than 64 KiB. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** `YYMMDDHHMMSSZ`: of the years until 2049. */
function utcTime(date: Date): Buffer {
  return der(
    tags.time,
    Buffer.from(
      date
        .toISOString()
        .replace(/\.\d+|[-:T]/g, '')
        .slice(2),
    ),
  );
}

/** A positive number must not begin with the bit of the negative ones. */
function serialNumber({ cert }: Certificate): Buffer {
  const digits = new X509Certificate(cert).serialNumber;
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return der(tags.integer, ...((bytes[0] as number) & 0x80 ? [Buffer.of(0)] : []), bytes);
}

/**
 * The authority's list of these certificates, as PEM.
 *
 * @param authority whose only name is its common name
 * @param nextUpdate until when the list counts
 */
export function revocationList(
  { cert, key }: Certificate,
  revoked: readonly Certificate[],
  nextUpdate = new Date('2049-01-01T00:00:00Z'),
): string {
  const name = new X509Certificate(cert).subject.replace(/^CN=/, '');
  const since = utcTime(new Date('2020-01-01T00:00:00Z'));
  const algorithm = der(tags.list, der(tags.oid, ecdsaWithSha256));
  const attribute = der(tags.list, der(tags.oid, commonName), der(tags.text, Buffer.from(name)));
  const entries = revoked.map((each) => der(tags.list, serialNumber(each), since));
  const list = der(
    tags.list,
    der(tags.integer, Buffer.of(1)),
    algorithm,
    der(tags.list, der(tags.set, attribute)),
    since,
    utcTime(nextUpdate),
    ...(entries.length === 0 ? [] : [der(tags.list, ...entries)]),
  );
  const signature = sign('sha256', list, createPrivateKey(key));
  const whole = der(tags.list, list, algorithm, der(tags.bits, Buffer.of(0), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) as string[];
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`;
}
