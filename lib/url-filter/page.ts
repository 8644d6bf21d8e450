import { createHash } from 'node:crypto';
import { quote } from '../core/options.ts';
import { warn } from '../core/warn.ts';
import type { BlockedRequest, PageTexts, ParsedPage } from './page-options.ts';

const style = `:root{color-scheme:light dark}
body{margin:0;background:#fbfbfd;color:#1b1b1f;font:1.125rem/1.6 system-ui,sans-serif}
main{max-width:36rem;margin:15vh auto;padding:0 1.5rem}
h1{margin:0 0 .5em;font-size:1.75rem;line-height:1.25}
a{color:#0b4f79}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:2rem 0 0;color:#55555f;font-size:.875rem}
dd{margin:0;overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body{background:#17171b;color:#ececf1}a{color:#8fcbf5}dl{color:#b4b4bf}}`;

/** Allows the built-in page its own style and nothing else; sent when the chain has set no policy. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The page for a refusal. A function of the caller's that fails costs nobody the answer. */
export function blockPage({ custom, texts }: ParsedPage, blocked: BlockedRequest): string {
  if (custom !== undefined)
    try {
      const page: unknown = custom(blocked);
      if (typeof page === 'string') return page;
      throw new TypeError(`it returned ${quote(page)}, not a string`);
    } catch (cause) {
      warn(
        'SEKISHO_BLOCK_PAGE',
        `urlFilter: page failed, the built-in one is sent: ${String(cause)}`,
        cause,
      );
    }
  return builtInPage(texts, blocked);
}

function builtInPage(texts: PageTexts, { policy, category, requestId }: BlockedRequest): string {
  const title = escapeHtml(texts.title);
  const facts = { Policy: policy, Category: category, 'Request id': requestId };
  const rows = Object.entries(facts)
    .filter(([, fact]) => fact !== undefined)
    .map(([name, fact]) => `<dt>${name}</dt><dd>${escapeHtml(fact ?? '')}</dd>`);
  return `<!doctype html>
<html lang="${escapeHtml(texts.lang)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${escapeHtml(texts.message)}</p>
<p>Questions? Please ask ${contactLink(texts.contact)}.</p>
<dl>
${rows.join('\n')}
</dl>
</main>
</body>
</html>
`;
}

function contactLink(contact: string): string {
  const text = escapeHtml(contact);
  if (/^https?:\/\/\S+$/.test(contact)) return `<a href="${text}">${text}</a>`;
  return /^[^\s@:/?&]+@[^\s@:/?&]+$/.test(contact) ? `<a href="mailto:${text}">${text}</a>` : text;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? '');
}
