import { createHash, randomBytes } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { clock } from '../clock.ts';
import { OptionsError } from '../errors.ts';
import { warn } from '../warn.ts';
import { FileWatch } from '../file-watch.ts';
import { readKeyPair, validityProblem, type KeyPair } from './key-pair.ts';
import { PemError, readFile, readPem } from './pem-file.ts';
import { NameTable, plainName } from './sni.ts';
import { ticketKeysLength, type ParsedTls } from './tls-options.ts';

const day = 86_400_000;
/** How often the time left of certificates is looked at. */
const expiryInterval = day / 2;

/** What new connections are made with. */
interface Contexts {
  readonly common: SecureContextOptions;
  readonly byDefault: KeyPair;
  readonly named: NameTable<SecureContext>;
  readonly pairs: readonly KeyPair[];
  readonly paths: readonly string[];
}

/**
 * The certificates of a server, kept up to date with their files. What cannot be used is refused at
 * construction; later on it is warned about (`SEKISHO_CERTIFICATE`) and what was in use stays.
 */
export class Certificates {
  readonly #tls: ParsedTls;
  readonly #onSwap: () => void;
  readonly #timers: (() => void)[] = [];
  #contexts: Contexts;
  #ownTicketKeys: Buffer = randomBytes(ticketKeysLength);
  #watch: FileWatch | undefined;

  /**
   * @param onSwap called when `options()` have changed
   * @throws {OptionsError} which says what is wrong with which file
   */
  constructor(tls: ParsedTls, onSwap: () => void) {
    this.#tls = tls;
    this.#onSwap = onSwap;
    this.#contexts = this.#load();
    this.#warnOfExpiry();
  }

  /** Begins to look after files and times. */
  start(): void {
    const { watch, ticketKeys } = this.#tls;
    const { paths } = this.#contexts;
    if (watch && paths.length > 0) this.#watch = new FileWatch(paths, () => this.#reload());
    this.#timers.push(clock.every(expiryInterval, () => this.#warnOfExpiry()));
    if (ticketKeys === undefined)
      this.#timers.push(clock.every(day, () => this.#renewTicketKeys()));
  }

  close(): void {
    this.#watch?.close();
    for (const cancel of this.#timers) cancel();
  }

  /** For the server itself: the default certificate. */
  options(): SecureContextOptions {
    const { common, byDefault } = this.#contexts;
    return { ...common, ...contextOf(byDefault) };
  }

  /** node:tls's SNICallback; the default certificate is the server's own. */
  readonly choose = (
    name: string,
    callback: (error: Error | null, context?: SecureContext) => void,
  ): void => {
    const { named, byDefault } = this.#contexts;
    const context = named.find(name);
    if (context !== undefined) callback(null, context);
    else if (
      this.#tls.unknownName === 'default' ||
      byDefault.x509.checkHost(plainName(name)) !== undefined
    )
      callback(null);
    else callback(new Error('no certificate for the name asked for'));
  };

  #load(): Contexts {
    const problems: string[] = [];
    const attempt = <Value>(make: () => Value): Value | undefined => {
      try {
        return make();
      } catch (error) {
        if (!(error instanceof PemError)) throw error;
        problems.push(error.message);
        return undefined;
      }
    };
    const { sni } = this.#tls;
    const paths: string[] = [];
    const byDefault = attempt(() => readKeyPair('tls', this.#tls));
    const named = Object.entries(sni).flatMap(([name, options]) => {
      const pair = attempt(() => readKeyPair(`tls.sni.${name}`, options));
      return pair === undefined ? [] : [[name, pair] as const];
    });
    const common = attempt(() => this.#common(paths));
    if (byDefault === undefined || common === undefined || problems.length > 0)
      throw new OptionsError('serve', problems);
    const pairs = [byDefault, ...named.map(([, pair]) => pair)];
    paths.push(...pairs.flatMap((pair) => pair.paths));
    for (const [name, pair] of named) warnOfName(name, pair);
    try {
      return {
        common,
        byDefault,
        named: new NameTable(
          named.map(([name, pair]) => [
            name,
            createSecureContext({ ...common, ...contextOf(pair) }),
          ]),
        ),
        pairs,
        paths,
      };
    } catch (error) {
      throw new OptionsError('serve', [`tls: cannot be used: ${(error as Error).message}`]);
    }
  }

  /** What all certificates share: OpenSSL takes each context's own once it has chosen one. */
  #common(paths: string[]): SecureContextOptions {
    const { minVersion, ciphers, clientCertificates, ticketKeys } = this.#tls;
    const read = (option: string, pem: Parameters<typeof readPem>[1]): string => {
      const { text, path } = readPem(option, pem);
      if (path !== undefined) paths.push(path);
      return text;
    };
    const ca = clientCertificates?.ca.map((each) => read('tls.clientCertificates.ca', each));
    const crl = clientCertificates?.crl?.map((each) => read('tls.clientCertificates.crl', each));
    const common: SecureContextOptions = {
      minVersion,
      ciphers,
      // All of them are good; the client knows which its processor is fast at.
      honorCipherOrder: false,
      ticketKeys:
        ticketKeys === undefined ? this.#ownTicketKeys : readTicketKeys(ticketKeys, paths),
      // Sessions made under other rules for client certificates are not resumed.
      sessionIdContext: createHash('sha256')
        .update(JSON.stringify([ca, crl, clientCertificates?.required]))
        .digest('hex')
        .slice(0, 32),
      ...(ca === undefined ? {} : { ca }),
      ...(crl === undefined ? {} : { crl }),
    };
    try {
      createSecureContext(common);
    } catch (error) {
      throw new PemError(
        `tls: ciphers, clientCertificates.ca or crl cannot be used: ${(error as Error).message}`,
      );
    }
    return common;
  }

  #reload(): void {
    try {
      this.#contexts = this.#load();
    } catch (error) {
      warn(
        'SEKISHO_CERTIFICATE',
        `${(error as Error).message}\nWhat was read before stays in use.`,
        error,
      );
      return;
    }
    this.#warnOfExpiry();
    this.#onSwap();
  }

  #renewTicketKeys(): void {
    this.#ownTicketKeys = randomBytes(ticketKeysLength);
    this.#reload();
  }

  #warnOfExpiry(): void {
    for (const pair of this.#contexts.pairs) {
      const problem = validityProblem(pair, clock.now(), this.#tls.expiryWarning);
      if (problem !== undefined) warn('SEKISHO_CERTIFICATE', problem);
    }
  }
}

function contextOf({ cert, key, passphrase }: KeyPair): SecureContextOptions {
  return { cert, key, ...(passphrase === undefined ? {} : { passphrase }) };
}

function readTicketKeys(given: Buffer | string, paths: string[]): Buffer {
  if (Buffer.isBuffer(given)) return given;
  const where = `tls.ticketKeys (${given})`;
  const keys = readFile(where, given);
  if (keys.length !== ticketKeysLength)
    throw new PemError(`${where} has ${keys.length} bytes; it must have ${ticketKeysLength}`);
  paths.push(given);
  return keys;
}

function warnOfName(name: string, { where, x509 }: KeyPair): void {
  const asked = name.startsWith('*.') ? `any${name.slice(1)}` : name;
  if (x509.checkHost(asked) === undefined)
    warn('SEKISHO_CERTIFICATE', `the certificate ${where} is not for ${name}; clients refuse it`);
}
