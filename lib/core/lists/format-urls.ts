import { withoutComment } from './format-hosts.ts';
import { Applies, type LineReader } from './rule.ts';

const url = /^(?:[a-z][a-z\d+.-]*:\/\/)?([^/?#@\s]+?|\[[\da-f:.]+\])(?::\d+)?(\/\S*)?$/i;
const webPrefix = /^(?:www|web|ftp)\d*\./i;
const posixClasses: Readonly<Record<string, string>> = {
  alpha: 'a-zA-Z',
  digit: '0-9',
  alnum: 'a-zA-Z0-9',
  lower: 'a-z',
  upper: 'A-Z',
  space: '\\s',
  blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~',
  xdigit: '0-9A-Fa-f',
};

/** squidGuard's `urls`: a host and the begin of a path, without scheme; with or without `www.` (`web`, `ftp`). */
export const readUrlLine: LineReader = (line, sink) => {
  const text = withoutComment(line);
  if (text === '') return undefined;
  const [, host, path = '/'] = url.exec(text) ?? [];
  if (host === undefined) return 'is no URL';
  const bare = host.replace(webPrefix, '');
  return sink.url(bare.includes('.') ? bare : host, path, Applies.itself | Applies.web)
    ? undefined
    : 'is no URL';
};

/** squidGuard's `expressions`: each is sought in host and path, in upper or lower case. */
export const readExpressionLine: LineReader = (line, sink) => {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return undefined;
  sink.expression(
    text.replace(/\[:([a-z]+):\]/g, (all, name: string) => posixClasses[name] ?? all),
  );
  return undefined;
};
