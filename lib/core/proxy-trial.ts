import { randomBytes } from 'node:crypto';

/**
 * The question of a server that starts: would a stranger get through to the web here? It is asked as a stranger asks, by
 * requests for a host name that nobody can guess. A forward proxy that would have gone there says so, and does not go.
 */
export interface Trial {
  readonly hostname: string;
  /** What has got through, in the words of the one who asks. */
  readonly reached: boolean;
  end(): void;
}

/** Below a domain that is nobody's (RFC 2606 §3). */
const domain = 'example.com';
const trials = new Map<string, { reached: boolean }>();
let proxies = 0;

/** A forward proxy has been made: from now on servers that start ask. */
export function announceProxy(): void {
  proxies++;
}

export function proxyAnnounced(): boolean {
  return proxies > 0;
}

export function beginTrial(): Trial {
  const hostname = `${randomBytes(12).toString('hex')}.self-test.${domain}`;
  const state = { reached: false };
  trials.set(hostname, state);
  return {
    hostname,
    get reached() {
      return state.reached;
    },
    end: () => void trials.delete(hostname),
  };
}

/** The trial that asks for this host; undefined for everybody else's requests. */
export function trialOf(hostname: string): { reached: boolean } | undefined {
  return trials.size === 0 ? undefined : trials.get(hostname);
}
