import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { PemError, readPem, type PemText } from './pem-file.ts';
import type { CertificateOptions } from './tls-options.ts';

/** A certificate that has been found to go with its key. */
export interface KeyPair {
  /** How messages call it: the option and file of the certificate. */
  readonly where: string;
  /** With the intermediate ones. */
  readonly cert: string;
  readonly key: string;
  readonly passphrase: string | undefined;
  readonly x509: X509Certificate;
  readonly paths: readonly string[];
}

/**
 * Reads a certificate and its key.
 *
 * @param option where they are given, e.g. `tls`
 * @throws {PemError} which says what is wrong with which of them
 */
export function readKeyPair(
  option: string,
  { cert, key, ca, passphrase }: CertificateOptions,
): KeyPair {
  const certificate = readPem(`${option}.cert`, cert);
  const privateKey = readPem(`${option}.key`, key);
  const more = ca === undefined ? undefined : readPem(`${option}.ca`, ca);
  const x509 = readCertificate(certificate);
  if (more !== undefined) readCertificate(more);
  if (!x509.checkPrivateKey(readKey(privateKey, passphrase)))
    throw new PemError(
      `${privateKey.where} does not belong to the certificate ${certificate.where}`,
    );
  const pair: KeyPair = {
    where: certificate.where,
    cert: more === undefined ? certificate.text : `${certificate.text.trimEnd()}\n${more.text}`,
    key: privateKey.text,
    passphrase,
    x509,
    paths: [certificate, privateKey, more].flatMap((each) => each?.path ?? []),
  };
  try {
    createSecureContext({
      cert: pair.cert,
      key: pair.key,
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  } catch (error) {
    throw new PemError(`${certificate.where} cannot be used: ${(error as Error).message}`);
  }
  return pair;
}

function readCertificate({ where, text }: PemText): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new PemError(`${where} holds no certificate that can be read`);
  }
}

function readKey({ where, text }: PemText, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MISSING_PASSPHRASE' || text.includes('ENCRYPTED'))
      throw new PemError(
        `${where} is encrypted and ${passphrase === undefined ? 'needs passphrase' : 'the passphrase is wrong'}`,
      );
    throw new PemError(`${where} holds no private key that can be read`);
  }
}

const day = 86_400_000;

/** What an operator should know of the time a certificate is valid; undefined when all is well. */
export function validityProblem(
  { where, x509 }: KeyPair,
  now: number,
  notice: number,
): string | undefined {
  const from = Date.parse(x509.validFrom);
  const until = Date.parse(x509.validTo);
  if (now >= until) return `the certificate ${where} expired on ${iso(until)}; clients refuse it`;
  if (now < from)
    return `the certificate ${where} is not valid before ${iso(from)}; clients refuse it`;
  if (until - now > notice) return undefined;
  return `the certificate ${where} expires on ${iso(until)}, in ${Math.floor((until - now) / day)} days`;
}

function iso(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace('T', ' ');
}
