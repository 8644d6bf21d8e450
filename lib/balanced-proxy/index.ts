import { OptionsError } from '../core/errors.ts';
import { middleware } from '../core/middleware.ts';
import { quote } from '../core/options.ts';
import {
  createForwarder,
  type Forwarder,
  type ForwarderOptions,
  type Target,
} from '../core/upstream/forward.ts';
import { Upstream } from '../core/upstream/upstream.ts';

export interface BalancedProxyOptions extends ForwarderOptions {
  /** Where requests go: a server, several, an `upstream()`, or a function that says it per request. */
  readonly target: Target;
}

/**
 * Forwarder: sends every request that reaches it to one of its servers, balanced, with health, retries and
 * timeouts, and hands the answer on as it comes. Paths follow Express: the mount path is taken off
 * and the target's own put in front.
 *
 * @example app.use('/image', balancedProxy(['http://10.0.0.1:8080', 'http://10.0.0.2:8080']));
 * @example app.use('/api', balancedProxy({ target: 'https://api.internal', timeouts: { headers: '5s' } }));
 * @throws {OptionsError} at once, when the target or the options are not what they should be
 */
export function balancedProxy(
  target: Target | BalancedProxyOptions,
  options: ForwarderOptions = {},
): Forwarder {
  const [where, rest] = isOptions(target) ? split(target, options) : [target, options];
  const forwarder = createForwarder('balancedProxy', where, rest);
  return middleware(
    'forwarder',
    Object.defineProperty(forwarder, 'name', { value: 'balancedProxy' }),
    { target: where, ...rest },
    {
      ways: [{ prefix: '', options: { target: where, ...rest } }],
      lead: (question) => ({ route: '', urls: forwarder.lead(question, '') }),
    },
  );
}

function isOptions(target: Target | BalancedProxyOptions): target is BalancedProxyOptions {
  return (
    typeof target === 'object' &&
    (target as unknown) !== null &&
    !Array.isArray(target) &&
    !(target instanceof URL) &&
    !(target instanceof Upstream)
  );
}

function split(
  { target, ...own }: BalancedProxyOptions,
  beside: ForwarderOptions,
): [Target, ForwarderOptions] {
  if (Object.keys(beside).length > 0)
    throw new OptionsError('balancedProxy', [
      'options are given twice; put everything into one object beside target',
    ]);
  if ((target as unknown) === undefined && own.discover === undefined)
    throw new OptionsError('balancedProxy', [
      `target: ${quote(target)} is no server; use a URL such as 'http://127.0.0.1:8080', a list of them or an upstream()`,
    ]);
  return [target, own];
}
