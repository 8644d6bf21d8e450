/** A name and those below it, or only those. */
export interface DirectName {
  readonly name: string;
  readonly onlyBelow: boolean;
}

/** A block of IPv4 addresses. */
export interface DirectBlock {
  readonly base: string;
  readonly mask: string;
}

export interface PacPlan {
  /** As scripts name them: `PROXY host:port`. */
  readonly proxy: readonly string[];
  readonly direct: readonly (DirectName | DirectBlock)[];
  readonly directPlainNames: boolean;
  readonly fallBackToDirect: boolean;
}

/** Proxies refuse these anyway: they would be the proxy's own machine. */
const thisMachine: readonly (DirectName | DirectBlock)[] = [
  { name: 'localhost', onlyBelow: false },
  { base: '127.0.0.0', mask: '255.0.0.0' },
];

/**
 * The script, in the language of 1999 that all its readers know. It never asks DNS, which would stop the browser for as long as
 * that takes.
 */
export function pacScript({ proxy, direct, directPlainNames, fallBackToDirect }: PacPlan): string {
  const all = [...thisMachine, ...direct];
  const names = all.filter((entry) => 'name' in entry);
  const blocks = all.filter((entry) => 'base' in entry);
  const ways = fallBackToDirect ? [...proxy, 'DIRECT'] : proxy;
  return `function FindProxyForURL(url, host) {
  var names = ${literal(names.filter(({ onlyBelow }) => !onlyBelow).map(({ name }) => name))};
  var parents = ${literal(names.map(({ name }) => `.${name}`))};
  var blocks = ${literal(blocks.map(({ base, mask }) => [base, mask]))};
  var i;
  host = host.toLowerCase().replace(/\\.$/, "");
${directPlainNames ? '  if (isPlainHostName(host) && host.indexOf(":") < 0) return "DIRECT";\n' : ''}  for (i = 0; i < names.length; i++) if (host === names[i]) return "DIRECT";
  for (i = 0; i < parents.length; i++)
    if (host.slice(-parents[i].length) === parents[i]) return "DIRECT";
  if (/^\\d+\\.\\d+\\.\\d+\\.\\d+$/.test(host))
    for (i = 0; i < blocks.length; i++)
      if (isInNet(host, blocks[i][0], blocks[i][1])) return "DIRECT";
  return ${literal(ways.join('; '))};
}
`;
}

/** As JavaScript, and harmless wherever else somebody might put the script. */
function literal(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
