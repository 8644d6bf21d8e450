import { readFileSync } from 'node:fs';
import type { Pem } from './tls-options.ts';

/** Why a certificate, key or list cannot be used; names the option and the file. */
export class PemError extends Error {}

/** PEM text with where it came from. */
export interface PemText {
  /** The option, and the file if there is one: `tls.cert (/etc/tls/cert.pem)`. */
  readonly where: string;
  readonly text: string;
  readonly path: string | undefined;
}

/** Linux takes none longer. */
const longestPath = 4096;

/**
 * Takes PEM as it is given, or reads the file.
 *
 * @param option e.g. `tls.cert`
 * @throws {PemError} when there is no such file, or no PEM in it
 */
export function readPem(option: string, given: Pem): PemText {
  const value = given.toString();
  if (value.includes('-----BEGIN')) return { where: option, text: value, path: undefined };
  // Something long or with line ends is no path but a secret in another format.
  if (Buffer.isBuffer(given) || value.length > longestPath || /[\r\n\0]/.test(value))
    throw new PemError(`${option} is no PEM; it has no line that starts with -----BEGIN`);
  const where = `${option} (${value})`;
  const text = readFile(where, value).toString();
  if (!text.includes('-----BEGIN'))
    throw new PemError(`${where} is no PEM; it has no line that starts with -----BEGIN`);
  return { where, text, path: value };
}

/** @throws {PemError} when it cannot be read */
export function readFile(where: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new PemError(`${where} cannot be read: ${reasonOf(error as NodeJS.ErrnoException)}`);
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'this process may not read it';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return message;
  }
}
