/** Fields, which are names and values in turn, in the other forms that Node has for them. */

/** The first value of a field. */
export function fieldOf(fields: readonly string[], lower: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2)
    if (fields[index]?.toLowerCase() === lower) return fields[index + 1];
  return undefined;
}

/** Whether one is the other, maybe with its names in lower case. */
export function sameFields(one: readonly string[], other: readonly string[]): boolean {
  return (
    one.length === other.length &&
    one.every(
      (text, at) => text === other[at] || (at % 2 === 0 && text === other[at]?.toLowerCase()),
    )
  );
}

/** For `addTrailers`. */
export function pairs(fields: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let index = 0; index < fields.length; index += 2)
    list.push([fields[index] as string, fields[index + 1] as string]);
  return list;
}

/** For `writeEarlyHints`, which gives all links one field. */
export function hintsOf(fields: readonly string[]): Record<string, string | string[]> {
  const link: string[] = [];
  const hints: Record<string, string | string[]> = { link };
  for (const [name, value] of pairs(fields))
    if (name.toLowerCase() === 'link') link.push(value);
    else hints[name] = value;
  return hints;
}
