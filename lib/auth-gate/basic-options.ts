import type { Request } from 'express';
import { z } from 'zod';
import { duration, func, refuse, schemaOf, type Duration } from '../core/options.ts';
import type { Authorizer } from './authorizer.ts';
import { realmString } from './challenge.ts';
import { flag } from './flag.ts';
import { parseStoredPassword, type StoredPassword } from './stored-password.ts';

/** What the client presented, for `unauthorizedResponse`; the password is not among it. */
export interface RefusedCredentials {
  readonly name?: string | undefined;
  readonly reason: string;
}

/** The options of express-basic-auth, hashed values and an htpasswd file. */
export interface BasicOptions {
  /**
   * Names and passwords. A password is plain text, or a hash: bcrypt (`$2y$`, `$2b$`, `$2a$`), argon2 (`$argon2id$v=19$…`),
   * scrypt (PHC form, `$scrypt$ln=15,r=8,p=1$salt$hash`), apr1 or `{SHA}`. May stand beside `file`, and wins.
   * @default none
   */
  readonly users?: Readonly<Record<string, string>>;
  /**
   * Path of an htpasswd file with bcrypt, apr1, `{SHA}`, scrypt or argon2; read again when it changes. A broken or
   * vanished file keeps the users of the last good one and warns (`SEKISHO_HTPASSWD`).
   * @default none
   */
  readonly file?: string;
  /**
   * Decides by itself, in place of `users` and `file`. Truthy is right; a promise is awaited. Throwing is a 500
   * `ERR_SEKISHO_HOOK`, no decision within 30 seconds a 503 `ERR_SEKISHO_AUTH_UNAVAILABLE`; neither lets anybody in.
   * @default none
   */
  readonly authorizer?: Authorizer;
  /** `authorizer` calls back `(error, authorized)`. @default false */
  readonly authorizeAsync?: boolean;
  /** Whether a refusal has `WWW-Authenticate`, by which browsers ask for name and password. @default true */
  readonly challenge?: boolean;
  /** What browsers show when they ask; printable ASCII. @default 'Restricted' */
  readonly realm?: string | ((req: Request) => string | undefined);
  /**
   * Body of a 401 or 407, in place of the error handlers': a string (as `text/html`), anything else as JSON, or a function
   * that returns one of them.
   * @default the error goes to Express' error handlers, such as `errorPages()`
   */
  readonly unauthorizedResponse?: unknown;
  /** For how long a verified password is not hashed anew; 0 hashes each time. @default '5 minutes' */
  readonly remember?: Duration;
}

type UnauthorizedResponse = (req: Request, refused: RefusedCredentials | undefined) => unknown;

/** Parsed options of the scheme. */
export type BasicSettings = z.output<ReturnType<typeof basicField>>;

// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- held to BasicOptions by schemaOf
export function basicField() {
  return schemaOf<BasicOptions>()({
    users: users().optional(),
    file: z.string().min(1, { error: "'' is no path" }).optional(),
    authorizer: func<Authorizer>().optional(),
    authorizeAsync: flag(false),
    challenge: flag(true),
    realm: z.union([realmString(), func<(req: Request) => string | undefined>()]).optional(),
    unauthorizedResponse: z
      .unknown()
      .transform((value): UnauthorizedResponse =>
        typeof value === 'function' ? (value as UnauthorizedResponse) : () => value,
      )
      .optional(),
    remember: duration().default(300_000),
  }).superRefine((options, context) => {
    const { users, file, authorizer } = options;
    if (users === undefined && file === undefined && authorizer === undefined)
      refuse(context, options, "does not say who may log in; add 'users', 'file' or 'authorizer'");
    if (authorizer !== undefined && (users !== undefined || file !== undefined))
      refuse(context, authorizer, "decides alone; leave 'users' and 'file' out, or 'authorizer'");
    if (authorizer === undefined && options.authorizeAsync)
      refuse(context, true, "of 'authorizeAsync' is for an 'authorizer'; add one or leave it out");
  });
}

function kindOf(value: unknown): string {
  return Array.isArray(value)
    ? 'a list'
    : `a value of type ${value === null ? 'null' : typeof value}`;
}

/** No message shows a value: it may be a password. */
function users(): z.ZodType<ReadonlyMap<string, StoredPassword>, Readonly<Record<string, string>>> {
  return z
    .custom<Readonly<Record<string, string>>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      { error: ({ input }) => `${kindOf(input)} is not allowed; use { name: password }` },
    )
    .transform((value, context) => {
      const table = new Map<string, StoredPassword>();
      for (const [name, text] of Object.entries(value as Record<string, unknown>)) {
        const problem = nameProblem(name) ?? passwordProblem(text);
        const stored = parseStoredPassword(String(text));
        if (problem === undefined && !('problem' in stored)) table.set(name, stored);
        else {
          const remedy = "; use a password, or a hash such as 'htpasswd -nB' makes";
          const what = problem ?? ('problem' in stored ? stored.problem : '');
          context.addIssue({ code: 'custom', path: [name], message: `the value ${what}${remedy}` });
        }
      }
      if (table.size === 0 && Object.keys(value).length === 0)
        refuse(context, value, 'has no users; nobody could log in');
      return table;
    });
}

function nameProblem(name: string): string | undefined {
  if (name === '' || /[:\p{Cc}]/u.test(name))
    return 'belongs to a name that no client can send (empty, or with a colon or control characters)';
  return undefined;
}

function passwordProblem(text: unknown): string | undefined {
  if (typeof text !== 'string') return `is no string but of type ${typeof text}`;
  return /\p{Cc}/u.test(text) ? 'has control characters, which no client can send' : undefined;
}
