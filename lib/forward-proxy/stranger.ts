import type { Request } from 'express';
import type { Context, Destination } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import type { trialOf } from '../core/proxy-trial.ts';
import {
  DestinationPolicy,
  type DestinationRules,
} from '../core/upstream/destination/destination-policy.ts';
import { admit, type AdmissionRules } from './admission.ts';

type Trial = NonNullable<ReturnType<typeof trialOf>>;

/** An address of the internet, for strangers and for names that are not resolved; nobody connects to it. */
export const someAddress = '1.1.1.1';

/**
 * Answers the question of a server that starts (`core/proxy-trial.ts`): would somebody from the internet, who has come
 * through the gates like this, get to a site of the internet? All rules are asked; DNS is not, and nobody goes anywhere.
 *
 * @returns for a request of the trial: what it is refused with
 */
export function strangerTest(
  rules: DestinationRules,
  admission: AdmissionRules,
): (trial: Trial, req: Request, context: Context) => Promise<ProxyError> {
  const policy = new DestinationPolicy({ ...rules, lookup: () => Promise.resolve([someAddress]) });

  async function getsThrough(req: Request, context: Context): Promise<boolean> {
    const { form, hostname } = context.destination as Destination;
    const [port] = form === 'http' ? rules.ports : rules.connectPorts;
    if (port === undefined) return false;
    admit({ remoteAddress: someAddress }, req, context, admission);
    return (await policy.judge({ form, hostname, port })).allow;
  }

  return async function answer(trial, req, context) {
    try {
      trial.reached ||= await getsThrough(req, context);
    } catch {
      // Refused, as a stranger should be.
    }
    return new ProxyError('ERR_SEKISHO_PROXY_DENIED', { detail: 'the self-test of the server' });
  };
}
