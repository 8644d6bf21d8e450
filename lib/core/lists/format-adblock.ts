import { Applies, notWhole, whole, type LineReader, type RuleSink } from './rule.ts';

/** `||host^$options`, or `||host/path`. */
const rule = /^(@@)?\|\|(\*\.)?([^/^$|*?]+)(\^?\|?|\/[^*^|$]*)(?:\$(.*))?$/;
const bareHost = /^[^\s/^$|*?#@!]+\.[^\s/^$|*?#@!]+$/;
/** Options that do not narrow a rule to some requests to the host. */
const wide = /^(?:important|all|doc(?:ument)?)$/;
const cosmetic = /#[@?$%]*#/;

/**
 * Adblock's filter rules, as far as they speak of a host or a path of it: `||d^`, `||d/path` and their exceptions
 * `@@`. All others (cosmetic ones, wildcards, options such as `third-party`) are for browsers and ignored.
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
  if (host === undefined) return readBareHost(text, sink);
  if (options !== undefined && !options.split(',').every((option) => wide.test(option))) {
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

function readBareHost(text: string, sink: RuleSink): string | undefined {
  if (bareHost.test(text) && sink.host(text, whole)) return undefined;
  sink.ignore();
  return undefined;
}
