/** No pattern makes more of them: what is asked is "does it cover", not "list all". */
const mostSamples = 8;

/**
 * Paths that a pattern of Express 5 matches (path-to-regexp 8: `:name`, `*name`, `{optional}`, `\` escapes), to ask
 * other patterns about. A pattern can be any text; what is no pattern is taken as it stands.
 */
export function samplesOf(pattern: string): readonly string[] {
  const samples = expand(pattern, 0).samples;
  return samples.slice(0, mostSamples).map((path) => (path === '' ? '/' : path));
}

function expand(pattern: string, start: number): { samples: readonly string[]; end: number } {
  let samples: readonly string[] = [''];
  let at = start;
  const add = (text: string): void => {
    samples = samples.map((sample) => sample + text);
  };
  while (at < pattern.length) {
    const char = pattern[at] as string;
    if (char === '}') return { samples, end: at + 1 };
    if (char === '{') {
      const inner = expand(pattern, at + 1);
      samples = samples
        .flatMap((sample) => [...inner.samples.map((one) => sample + one), sample])
        .slice(0, mostSamples);
      at = inner.end;
    } else if (char === ':' || char === '*') {
      const name = /^(?:"(?:\\.|[^"\\])*"|[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)/u.exec(
        pattern.slice(at + 1),
      );
      add(char === ':' ? 'sample' : 'sample/path');
      at += 1 + (name?.[0].length ?? 0);
    } else if (char === '\\') {
      add(pattern[at + 1] ?? '');
      at += 2;
    } else {
      add(char);
      at++;
    }
  }
  return { samples, end: at };
}
