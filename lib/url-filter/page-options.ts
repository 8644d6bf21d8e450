import { z } from 'zod';
import { quote, schemaOf } from '../core/options.ts';

export interface BlockPageOptions {
  /** Title and heading. @default 'This address is blocked' */
  readonly title?: string;
  /** A sentence below it. @default 'The policy here does not allow it.' */
  readonly message?: string;
  /** Name of the policy for everybody; groups have theirs. @default 'default' */
  readonly policy?: string;
  /** Whom to ask: an e-mail address or https URL becomes a link. @default 'the administrator' */
  readonly contact?: string;
  /** Language of your texts (BCP 47). @default 'en' */
  readonly lang?: string;
}

/** What a page may tell: nothing that the client has sent. */
export interface BlockedRequest {
  readonly status: number;
  /** Name of the group whose policy it was, or of the policy for everybody. */
  readonly policy: string;
  /** Of the list that has it. */
  readonly category: string | undefined;
  /** The id that the log has, too. */
  readonly requestId: string;
}

/** Returns a whole HTML page; where it throws, or returns anything else, the built-in one is sent. */
export type BlockPage = (blocked: BlockedRequest) => string;

export type PageTexts = Readonly<Required<BlockPageOptions>>;

const defaults: PageTexts = {
  title: 'This address is blocked',
  message: 'The policy here does not allow it.',
  policy: 'default',
  contact: 'the administrator',
  lang: 'en',
};

/** `page`, read. */
export interface ParsedPage {
  /** The caller has asked for a page, whatever the status is. */
  readonly wanted: boolean;
  readonly texts: PageTexts;
  readonly custom: BlockPage | undefined;
}

const text = z.string().min(1, { error: "'' is no text; leave it out" });

const optionsSchema = schemaOf<BlockPageOptions>()({
  title: text.default(defaults.title),
  message: text.default(defaults.message),
  policy: text.default(defaults.policy),
  contact: text.default(defaults.contact),
  lang: z
    .custom<string>(
      (value) => typeof value === 'string' && /^[a-z]{2,8}(?:-[a-z\d]{1,8})*$/i.test(value),
      {
        error: ({ input }) => `${quote(input)} is no language; use a tag such as 'en' or 'pt-BR'`,
      },
    )
    .default(defaults.lang),
});

/** `page` as an option. */
export function pageField(): z.ZodType<
  ParsedPage | false,
  BlockPageOptions | BlockPage | false | undefined
> {
  const custom = z.custom<BlockPage>((value) => typeof value === 'function', {
    error: ({ input }) =>
      `${quote(input)} is no page; use { title, message, contact }, a function or false`,
  });
  return z
    .union([z.literal(false), optionsSchema, custom])
    .optional()
    .transform((value): ParsedPage | false => {
      if (value === false) return false;
      if (typeof value === 'function') return { wanted: true, texts: defaults, custom: value };
      return { wanted: value !== undefined, texts: value ?? defaults, custom: undefined };
    }) as never;
}
