/** Control characters, and those that turn text around or hide in it (Unicode's Cc, Cf, and its line separators). */
const deceiving = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const usual = 200;

/**
 * Text from outside as the page shows it: short, on one line, and what is seen is what is there. The page puts it in as
 * text, never as markup.
 */
export function shown(text: string, longest: number = usual): string {
  // Cut first: it may be very long. A character that is cut in two becomes the replacement character.
  const short = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return short.replace(deceiving, '\ufffd');
}

/** A request target without what may be secret in it: query, fragment, name and password. */
export function shownTarget(target: string): string {
  const [path = ''] = target.split(/[?#]/, 1);
  return shown(path.replace(/^([a-z][a-z\d+.-]*:)?\/\/[^/]*@/i, '$1//'));
}
