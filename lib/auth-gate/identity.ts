import type { RequestHandler } from 'express';
import { LRUCache } from 'lru-cache';
import { clock } from '../core/clock.ts';
import type { AuthenticatedUser } from '../core/context.ts';
import { reserveIdentityField } from '../core/http/field-kinds.ts';
import { Assertions } from './assertion.ts';
import { fieldList, fieldText } from './identity-encoding.ts';
import { namesOf, type IdentitySettings } from './identity-options.ts';

/** Tells servers behind who the user is. */
export interface Identity {
  /** Names and values in turn, for `context.identity`. */
  fieldsFor(user: AuthenticatedUser): readonly string[];
  /** Answers with the JWK set that assertions are checked by. */
  readonly jwks: RequestHandler;
}

/** Users whose fields are kept. */
const mostKept = 5000;

interface Kept {
  readonly fields: readonly string[];
  /** Wall-clock milliseconds. */
  readonly from: number;
  readonly until: number;
}

/**
 * Makes the fields of `identityHeaders`. From now on no route of this process hands on what a client says in them, unless the
 * gate only reports.
 *
 * @param settings undefined when nothing is sent: then the set of keys is empty
 */
export function createIdentity(settings: IdentitySettings | undefined, dryRun: boolean): Identity {
  if (settings !== undefined && !dryRun)
    for (const name of namesOf(settings)) reserveIdentityField(name);
  const signing = settings?.assertion === false ? undefined : settings?.assertion;
  const assertions = signing === undefined ? undefined : new Assertions(signing);
  // Servers behind always get one that is good for the other half of its life.
  const renewal = signing === undefined ? Infinity : signing.lifetime / 2;
  const kept = new LRUCache<string, Kept>({ max: mostKept });

  function fieldsOf(user: AuthenticatedUser, now: number): string[] {
    if (settings === undefined) return [];
    const { name, email, groups } = user;
    const fields: string[] = [];
    const add = (field: string | false, value: string | undefined): void => {
      if (field !== false && value !== undefined && value !== '') fields.push(field, value);
    };
    add(settings.user, fieldText(name));
    add(settings.email, email === undefined ? undefined : fieldText(email));
    add(settings.groups, fieldList(groups));
    if (signing !== undefined) add(signing.header, assertions?.sign(user, now));
    return fields;
  }

  return {
    fieldsFor(user) {
      const key = JSON.stringify([user.name, user.email, user.groups]);
      const now = clock.now();
      const known = kept.get(key);
      if (known !== undefined && now >= known.from && now < known.until) return known.fields;
      const fields = fieldsOf(user, now);
      kept.set(key, { fields, from: now, until: now + renewal });
      return fields;
    },
    jwks: function authGateKeys(req, res, next) {
      if (req.method !== 'GET' && req.method !== 'HEAD') {
        next();
        return;
      }
      const body = JSON.stringify({ keys: assertions?.published() ?? [] });
      res.writeHead(200, {
        'Content-Type': 'application/jwk-set+json',
        'Content-Length': Buffer.byteLength(body),
        'Cache-Control': `public, max-age=${assertions?.keysMaxAge ?? 0}`,
      });
      res.end(body);
    },
  };
}
