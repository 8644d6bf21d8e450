import type { Request, Response } from 'express';
import expressBasicAuth from 'express-basic-auth';

/** Judges name and password; truthy is right, as express-basic-auth has it. */
export type Judge = (name: string, password: string) => boolean | Promise<boolean>;

/**
 * Has express-basic-auth judge. It answers by itself and writes the password to the request it is given, so it
 * gets a request and a response of its own.
 *
 * @param token68 what follows `Basic`
 */
export function askEngine(token68: string, judge: Judge): boolean | Promise<boolean> {
  let passed = false as boolean;
  let pending: Promise<boolean> | undefined;
  const middleware = expressBasicAuth({
    authorizeAsync: true,
    authorizer(name, password, done) {
      const right = judge(name, password);
      if (typeof right === 'boolean') done(null, right);
      else
        pending = right.then((later) => {
          done(null, later);
          return passed;
        });
    },
  });
  const request = { headers: { authorization: `Basic ${token68}` } };
  void middleware(request as unknown as Request, unheard as unknown as Response, () => {
    passed = true;
  });
  return pending ?? passed;
}

/** Hears the 401, and says nothing to anybody. */
const unheard = {
  status: () => unheard,
  send: () => unheard,
};
