import { createHash } from 'node:crypto';
import type { Problem } from './problem.ts';

const style = `:root{color-scheme:light dark}
body{margin:0;background:#fbfbfd;color:#1b1b1f;font:1.125rem/1.6 system-ui,sans-serif}
main{max-width:36rem;margin:15vh auto;padding:0 1.5rem}
h1{margin:0 0 .5em;font-size:1.75rem;line-height:1.25}
footer{margin-top:2.5rem;color:#55555f;font-size:.875rem}
code{overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body{background:#17171b;color:#ececf1}footer{color:#b4b4bf}}`;

/** Allows the built-in page its own style and nothing else; sent when the chain has set no policy. */
export const builtInPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The built-in page: no script and no asset, and it reads well where a policy takes its style away. */
export function builtInPage(problem: Problem): string {
  const title = escapeHtml(problem.title);
  const sentence =
    problem.detail ??
    (problem.status < 500
      ? 'This request could not be answered.'
      : 'Something went wrong on our side. Please try again in a moment.');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${String(problem.status)} ${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${escapeHtml(sentence)}</p>
<footer>
<p>Error ${String(problem.status)}. If you report this, please mention the request id <code>${escapeHtml(problem.requestId)}</code>.</p>
</footer>
</main>
</body>
</html>
`;
}

/** Puts a problem's members, escaped, where a page of the user's has `{status}`, `{title}`, `{detail}`, `{code}` or `{requestId}`. */
export function fillPage(page: string, problem: Problem): string {
  return page.replace(
    /\{(status|title|detail|code|requestId)\}/g,
    (_, name: 'status' | 'title' | 'detail' | 'code' | 'requestId') =>
      escapeHtml(String(problem[name] ?? '')),
  );
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
