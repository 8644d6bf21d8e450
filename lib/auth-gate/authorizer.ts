import { warn } from '../core/warn.ts';
import type { Judge } from './basic-engine.ts';
import { isThenable, withinTime } from './decision.ts';

/**
 * express-basic-auth's authorizer: says whether name and password are right. With `authorizeAsync: true` it calls back with an
 * error, or whether they are; without, it returns that, or a promise of it.
 */
export type Authorizer = (
  name: string,
  password: string,
  callback: (error: unknown, authorized?: boolean) => void,
) => unknown;

/** The caller's function as a judge that fails closed: what it throws, or never says, lets nobody in. */
export function judgeOf(authorizer: Authorizer, withCallback: boolean): Judge {
  if (withCallback)
    return (name, password) =>
      withinTime(
        new Promise<boolean>((resolve, reject) => {
          const returned = authorizer(name, password, (error, right) => {
            if (error === undefined || error === null) resolve(Boolean(right));
            else reject(error);
          });
          // An async function may call back as well; what it throws must not end the process.
          Promise.resolve(returned).catch(reject);
        }),
        'basic.authorizer',
      );
  return (name, password) => {
    const right = authorizer(name, password, uncalled);
    return isThenable(right)
      ? withinTime(Promise.resolve(right).then(Boolean), 'basic.authorizer')
      : Boolean(right);
  };
}

/** Whoever calls back without `authorizeAsync` is not heard: what is returned counts. */
function uncalled(): void {
  warn(
    'SEKISHO_AUTHORIZER',
    'authGate: basic.authorizer calls back, but what it returns counts; add authorizeAsync: true',
  );
}
