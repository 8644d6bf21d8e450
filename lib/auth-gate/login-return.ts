const longest = 2048;
/** Anything that is not one slash and then a path, to whoever reads it: `//evil`, `/\evil`, `https:evil`. */
const otherOrigin = /^(?!\/)|^\/[/\\]/;
// eslint-disable-next-line no-control-regex -- browsers leave some of them out, and what is left may be another URL
const control = /[\x00-\x20\x7f]/;

/**
 * Where to go after a login: the page that was asked for, when it is a path on our own origin to every reader, also one who decodes it
 * first.
 */
export function returnPath(target: string): string {
  if (target.length > longest) return '/';
  let reading = target;
  // Twice: some servers decode what others have decoded.
  for (let round = 0; round < 3; round++) {
    const path = reading.split(/[?#]/, 1)[0] as string;
    if (otherOrigin.test(path) || control.test(round === 0 ? reading : path)) return '/';
    const decoded = unescaped(path);
    if (decoded === path) break;
    reading = decoded;
  }
  return URL.canParse(target, 'http://a') && new URL(target, 'http://a').host === 'a'
    ? target
    : '/';
}

/** An escape that is none stays as it is; blanks are harmless when they were escaped. */
function unescaped(path: string): string {
  return path.replace(/%[\da-f]{2}/gi, (escape) => {
    const code = parseInt(escape.slice(1), 16);
    return code === 0x20 || code > 0x7f ? escape : String.fromCharCode(code);
  });
}
