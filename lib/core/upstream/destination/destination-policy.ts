import { randomBytes } from 'node:crypto';
import { addressClass, parseAddress, type Address, type AddressClass } from '../../http/address.ts';
import { canonicalHost } from '../../http/destination.ts';
import { quote } from '../../wording.ts';
import type { DestinationList } from './destination-list.ts';
import { isInternalName, isLocalhost } from './internal-names.ts';
import { NameResolver, type Lookup, type ResolutionError } from './name-resolver.ts';
import { OwnAddresses } from './own-addresses.ts';
import {
  badHost,
  denied,
  loops,
  unresolved,
  type Denied,
  type DestinationQuestion,
  type Verdict,
} from './verdict.ts';

export interface DestinationRules {
  /** For requests in absolute-form. */
  readonly ports: readonly number[];
  /** For tunnels. */
  readonly connectPorts: readonly number[];
  /** When there is one, nothing else is allowed. */
  readonly allow?: DestinationList | undefined;
  /** Wins over everything. */
  readonly deny: DestinationList;
  /** What may be reached although it is inside. */
  readonly allowPrivate: DestinationList;
  readonly lookup?: Lookup | undefined;
  /** Milliseconds. */
  readonly lookupTimeout: number;
  /** The name of this proxy in Via; made up when undefined, so that two in a row are two. */
  readonly pseudonym?: string | undefined;
}

/**
 * Where a forward proxy goes and where not. A name is resolved once, every address of it is judged, and the verdict has
 * the addresses to connect to: an answer of DNS that changes afterwards changes nothing.
 *
 * In this order: loops, fields that contradict the target, ports, `deny`, `allow`, internal names, then of each address
 * the machine itself, `deny`, what the address is for (`allowPrivate`), `allow`.
 */
export class DestinationPolicy {
  /** The name of this proxy in Via. */
  readonly pseudonym: string;
  readonly #rules: DestinationRules;
  readonly #resolver: NameResolver;
  readonly #own = new OwnAddresses();

  constructor(rules: DestinationRules) {
    this.#rules = rules;
    this.#resolver = new NameResolver({ lookup: rules.lookup, timeout: rules.lookupTimeout });
    this.pseudonym = rules.pseudonym ?? `sekisho-${randomBytes(4).toString('hex')}`;
  }

  /** At once for addresses and remembered names. Never throws or rejects. */
  judge(question: DestinationQuestion): Verdict | Promise<Verdict> {
    const { hostname } = question;
    const literal = parseAddress(hostname);
    const refusal = this.#judgeRequest(question, literal) ?? this.#judgeName(question, literal);
    if (refusal !== undefined) return refusal;
    if (literal !== undefined) return this.#judgeAddresses(question, [literal], false);
    if (isLocalhost(hostname) && this.#rules.lookup === undefined)
      return this.#judgeLocalhost(question);
    const internal = this.#isInternal(hostname);
    const addresses = this.#resolver.resolve(hostname);
    if (!(addresses instanceof Promise)) return this.#judgeAddresses(question, addresses, internal);
    return addresses.then(
      (found) => this.#judgeAddresses(question, found, internal),
      (error: unknown) => {
        const { message, timedOut } = error as ResolutionError;
        return unresolved(`${hostname}: ${message}`, timedOut ? 504 : 502);
      },
    );
  }

  /** Why the destination is refused, as far as can be said without asking DNS. */
  objection(question: DestinationQuestion): Denied | undefined {
    const literal = parseAddress(question.hostname);
    const refusal = this.#judgeRequest(question, literal) ?? this.#judgeName(question, literal);
    if (refusal !== undefined || literal === undefined) return refusal;
    const verdict = this.#judgeAddresses(question, [literal], false);
    return verdict.allow ? undefined : verdict;
  }

  /** The server name inside of a tunnel, when that is known only after the verdict. */
  judgeServerName(hostname: string, sni: string): Denied | undefined {
    return canonicalHost(sni) === hostname
      ? undefined
      : denied(`the server name ${quote(sni)} is not the ${hostname} of the CONNECT`);
  }

  #judgeRequest(question: DestinationQuestion, literal: Address | undefined): Denied | undefined {
    const { form, hostname, port, hostHeader, sni, via } = question;
    if (via !== undefined && hasPassed(via, this.pseudonym))
      return loops(`Via names this proxy: ${quote(via)}`);
    if (literal !== undefined && this.#isOwn(question, literal))
      return loops(`${hostname}:${port} is this proxy`);
    if (hostHeader !== undefined && !sameAuthority(hostHeader, question))
      return badHost(
        `Host ${quote(String(hostHeader))} is not the ${hostname}:${port} of the target`,
      );
    if (sni !== undefined) {
      const refusal = this.judgeServerName(hostname, sni);
      if (refusal !== undefined) return refusal;
    }
    const option = form === 'connect' ? 'connectPorts' : 'ports';
    return this.#rules[option].includes(port)
      ? undefined
      : denied(`port ${port} is not among \`${option}\``);
  }

  #judgeName({ hostname }: DestinationQuestion, literal: Address | undefined): Denied | undefined {
    const { allow, deny, allowPrivate } = this.#rules;
    if (literal !== undefined) return undefined;
    if (deny.hasName(hostname)) return denied(`${hostname} is in \`deny\``);
    if (allow !== undefined && !allow.hasNetworks && !allow.hasName(hostname))
      return denied(`${hostname} is not in \`allow\``);
    // With blocks in `allowPrivate` the addresses decide.
    if (!allowPrivate.hasNetworks && this.#isInternal(hostname))
      return denied(`${hostname} is an internal name`);
    return undefined;
  }

  #judgeAddresses(
    question: DestinationQuestion,
    addresses: readonly Address[],
    internal: boolean,
  ): Verdict {
    for (const address of addresses) {
      const refusal = this.#judgeAddress(question, address, internal);
      if (refusal !== undefined) return refusal;
    }
    const { hostname, port } = question;
    const [first = '', ...others] = addresses.map(({ text }) => text);
    return { allow: true, hostname, port, address: first, addresses: [first, ...others] };
  }

  #judgeAddress(
    question: DestinationQuestion,
    address: Address,
    internal: boolean,
  ): Denied | undefined {
    const { allow, deny, allowPrivate } = this.#rules;
    const { hostname, port } = question;
    const { text } = address;
    const where = text === hostname ? text : `${hostname} (${text})`;
    if (this.#isOwn(question, address)) return loops(`${where} at port ${port} is this proxy`);
    if (deny.hasAddress(address)) return denied(`${where} is in \`deny\``);
    const kind = addressClass(address);
    if (kind !== 'public' && !this.#opens(kind, address, hostname))
      return denied(`${where} is no public address (${kind})`);
    if (internal && !allowPrivate.hasAddress(address))
      return denied(`${hostname} is an internal name, and ${text} is not in \`allowPrivate\``);
    if (allow !== undefined && !allow.hasName(hostname) && !allow.hasAddress(address))
      return denied(`${where} is not in \`allow\``);
    return undefined;
  }

  #isInternal(hostname: string): boolean {
    return isInternalName(hostname) && !this.#rules.allowPrivate.hasName(hostname);
  }

  /** Metadata services and the like are never meant by a block or a name, only by themselves. */
  #opens(kind: AddressClass, address: Address, hostname: string): boolean {
    const { allowPrivate } = this.#rules;
    if (kind === 'metadata' || kind === 'multicast' || kind === 'unspecified')
      return allowPrivate.namesAddress(address);
    return allowPrivate.hasName(hostname) || allowPrivate.hasAddress(address);
  }

  /** It stands for both loopback addresses; those that are allowed count. */
  #judgeLocalhost(question: DestinationQuestion): Verdict {
    const internal = this.#isInternal(question.hostname);
    const [four, six] = loopbacks.map((address) =>
      this.#judgeAddresses(question, [address], internal),
    ) as [Verdict, Verdict];
    if (!four.allow) return six.allow ? six : four;
    return six.allow ? { ...four, addresses: [...four.addresses, ...six.addresses] } : four;
  }

  #isOwn({ port, ownPorts }: DestinationQuestion, address: Address): boolean {
    return ownPorts?.includes(port) === true && this.#own.has(address);
  }
}

const loopbacks = ['127.0.0.1', '::1'].map((text) => parseAddress(text) as Address);

/** RFC 9110 §7.6.3: each member is a protocol, a name and perhaps a comment. */
function hasPassed(via: string, pseudonym: string): boolean {
  const name = pseudonym.toLowerCase();
  return via
    .toLowerCase()
    .split(',')
    .some((member) => member.trim().split(/[ \t]+/)[1] === name);
}

function sameAuthority(
  hostHeader: string | readonly string[],
  { form, hostname, port }: DestinationQuestion,
): boolean {
  const [value = '', ...others] = typeof hostHeader === 'string' ? [hostHeader] : hostHeader;
  if (others.length > 0) return false;
  const [, hostText = '', digits] = /^(.*?)(?::(\d{0,5}))?$/s.exec(value) ?? [];
  const host = canonicalHost(hostText);
  const portOfHost =
    digits === undefined || digits === '' ? (form === 'connect' ? port : 80) : Number(digits);
  return (
    host !== undefined &&
    portOfHost === port &&
    host === (hostname.includes(':') ? `[${hostname}]` : hostname)
  );
}
