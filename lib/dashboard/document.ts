import { readFileSync } from 'node:fs';
import { pageFolder } from './assets.ts';
import { strings, type Language, type TextKey } from './strings.ts';

/** Everything from here and nothing from anywhere else, no inline script or style, no markup out of strings. */
export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** The page in a language, as a function of its title. */
export function readDocument(): (language: Language, title: string) => string {
  const template = readFileSync(new URL('page.html', pageFolder), 'utf8');
  return (language, title) => {
    const texts: Readonly<Record<string, string>> = strings[language];
    const text = (key: string): string => escapeHtml(texts[key as TextKey] ?? '');
    return template
      .replaceAll('{language}', language)
      .replace(
        /(<[^<>]* data-text="(\w+)"[^<>]*>)/g,
        (_, tag: string, key: string) => tag + text(key),
      )
      .replace(/ data-label="(\w+)"/g, (found, key: string) => `${found} aria-label="${text(key)}"`)
      .replaceAll('{title}', () => escapeHtml(title));
  };
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
