import type { Request } from 'express';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { warn } from '../core/warn.ts';
import { judgeOf } from './authorizer.ts';
import { readBasicCredentials } from './basic-credentials.ts';
import { askEngine, type Judge } from './basic-engine.ts';
import type { BasicSettings } from './basic-options.ts';
import { defaultRealm, quotedString } from './challenge.ts';
import { credentialsOf } from './credentials.ts';
import { HtpasswdFile } from './htpasswd-file.ts';
import { PasswordCheck } from './password-check.ts';
import type { Attempt, RefusalBody, Scheme, Verdict } from './scheme.ts';
import { UserTable } from './user-table.ts';

export { basicField, type BasicOptions, type RefusedCredentials } from './basic-options.ts';

/** Who is asked whether a password is right. */
interface Judgement {
  readonly judge: Judge;
  /** The answer is known, and it is yes. */
  readonly knows: (name: string, password: string) => boolean;
  readonly close: () => void;
}

/**
 * The scheme Basic (RFC 7617), judged by express-basic-auth.
 *
 * @throws {OptionsError} when the htpasswd file cannot be used
 */
export function basicScheme(settings: BasicSettings): Scheme {
  const { challenge, realm, unauthorizedResponse } = settings;
  const { judge, knows, close } = judgement(settings);

  return {
    name: 'basic',
    authenticate(req: Request, _res, attempt: Attempt): Verdict | Promise<Verdict> {
      const credentials = credentialsOf(req, 'basic');
      if (credentials === undefined) return { kind: 'absent' };
      const { field, value } = credentials;
      const read = readBasicCredentials(value);
      const problem = credentials.problem ?? ('problem' in read ? read.problem : undefined);
      if (problem !== undefined || 'problem' in read)
        return { kind: 'refused', reason: `malformed credentials: ${problem ?? ''}` };
      const { name, password } = read;
      const known = knows(name, password);
      const verdictOf = (right: boolean): Verdict => {
        if (!right) return { kind: 'refused', reason: 'wrong name or password', name };
        if (!attempt.dryRun) contextOf(req).consume.add(field);
        return { kind: 'user', user: { name, scheme: 'basic', groups: [], claims: {} } };
      };
      return attempt.guard(name, known, () => {
        if (known) return verdictOf(true);
        try {
          const right = askEngine(value, judge);
          return typeof right === 'boolean' ? verdictOf(right) : right.then(verdictOf, failed);
        } catch (error) {
          return failed(error);
        }
      });
    },
    challenge(req) {
      if (!challenge) return undefined;
      // RFC 7617 §2.1: by this clients know how to encode what is not ASCII.
      return `Basic realm=${quotedString(realmOf(req, realm))}, charset="UTF-8"`;
    },
    refusalBody(req, refused): RefusalBody | undefined {
      return unauthorizedResponse && { body: unauthorizedResponse(req, refused) };
    },
    close,
  };
}

function judgement(settings: BasicSettings): Judgement {
  const { users, file, authorizer, authorizeAsync, remember } = settings;
  if (authorizer !== undefined)
    return {
      judge: judgeOf(authorizer, authorizeAsync),
      knows: () => false,
      close: () => undefined,
    };
  let table = new UserTable(users ?? new Map());
  const watched =
    file === undefined
      ? undefined
      : new HtpasswdFile(file, (listed) => {
          if (listed.size === 0)
            warn('SEKISHO_HTPASSWD', `'${file}' has no users; nobody in it can log in`);
          table = new UserTable(new Map([...listed, ...(users ?? [])]));
        });
  const passwords = new PasswordCheck(remember);
  return {
    judge: (name, password) => passwords.check(table, name, password),
    knows: (name, password) => passwords.knows(table, name, password),
    close() {
      watched?.close();
      passwords.close();
    },
  };
}

function failed(error: unknown): Verdict {
  return {
    kind: 'failed',
    error:
      error instanceof ProxyError
        ? error
        : new ProxyError('ERR_SEKISHO_HOOK', { detail: 'basic.authorizer failed', cause: error }),
  };
}

/** A realm that cannot be told must not turn the refusal into something else. */
function realmOf(req: Request, realm: BasicSettings['realm']): string {
  if (typeof realm !== 'function') return realm ?? defaultRealm;
  try {
    const told: unknown = realm(req);
    return typeof told === 'string' && told !== '' ? told : defaultRealm;
  } catch {
    return defaultRealm;
  }
}
