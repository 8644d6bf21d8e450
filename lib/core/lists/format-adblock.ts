import { Applies, notWhole, whole, type LineReader, type RuleSink } from './rule.ts';

/** `||host^$options`, or `||host/path`. */
const rule = /^(@@)?\|\|(\*\.)?([^/^$|*?]+)(\^?\|?|\/[^*^|$]*)(?:\$(.*))?$/;
const bareHost = /^[^\s/^$|*?#@!]+\.[^\s/^$|*?#@!]+$/;
/** Options that do not narrow a rule to some requests to the host. */
const wide = /^(?:important|all|doc(?:ument)?)$/;
/** Rules for what is on the page: `##`, `#@#`, `#%#`, AdGuard's `$$` and `$@$`. */
const cosmetic = /#[@?$%]*#|\$@?\$/;
/** A host with a port, or the begin of a name (`||ads.`). */
const partOfHost = /:\d+$|\.$/;
/** An anchor, and nothing it is for. */
const anchorOnly = /^(?:@@)?\|[|^]*$/;
const expression = /^(?:@@)?\/(.+)\/(?:\$[\w~,=|.-]*)?$/;
/** What stands behind it may be anything. */
const optionWithValue = /\$(?:[\w~-]+,)*[a-z-]+=/;

/**
 * Adblock's filter rules, as far as they speak of a host or a path of it: `||d^`, `||d/path` and their exceptions
 * `@@`. All others (cosmetic ones, wildcards, options such as `third-party`) are for browsers and ignored, if a browser
 * could make something of them.
 */
export const readAdblockLine: LineReader = (line, sink) => {
  const text = line.trim();
  if (text === '' || text.startsWith('!') || text.startsWith('[')) return undefined;
  if (cosmetic.test(text)) {
    sink.ignore();
    return undefined;
  }
  if (text.startsWith('#')) return undefined;
  const [, exception, below, host, rest, options] = rule.exec(text) ?? [];
  if (host === undefined) return readOther(text, sink);
  const isWide = options === undefined || options.split(',').every((option) => wide.test(option));
  if (!isWide || partOfHost.test(host)) {
    sink.ignore();
    return undefined;
  }
  const applies =
    below === undefined
      ? exception === undefined
        ? whole
        : notWhole
      : exception === undefined
        ? Applies.below
        : Applies.notBelow;
  const added = rest?.startsWith('/') ? sink.url(host, rest, applies) : sink.host(host, applies);
  return added ? undefined : 'is no rule for a host';
};

function readOther(text: string, sink: RuleSink): string | undefined {
  if (bareHost.test(text) && sink.host(text, whole)) return undefined;
  const problem = problemOf(text);
  if (problem === undefined) sink.ignore();
  return problem;
}

function problemOf(text: string): string | undefined {
  const [pattern] = text.split('$', 1) as [string];
  if (anchorOnly.test(pattern) || text === '@@') return 'is a rule for nothing';
  const [, source] = expression.exec(text) ?? [];
  if (source !== undefined)
    return optionWithValue.test(source) || isExpression(source)
      ? undefined
      : 'is no regular expression';
  return /\s/.test(pattern) ? 'is no rule: no URL has a space' : undefined;
}

/** As browsers read it: nobody runs it here. */
function isExpression(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}
