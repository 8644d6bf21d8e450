/** Fields, which are names and values in turn, in the other forms that Node has for them. */

export function fieldOf(fields: readonly string[], lower: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2)
    if (fields[index]?.toLowerCase() === lower) return fields[index + 1];
  return undefined;
}

export function sameFields(one: readonly string[], other: readonly string[]): boolean {
  return (
    one.length === other.length &&
    one.every(
      (text, at) => text === other[at] || (at % 2 === 0 && text === other[at]?.toLowerCase()),
    )
  );
}

export function pairs(fields: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let index = 0; index < fields.length; index += 2)
    list.push([fields[index] as string, fields[index + 1] as string]);
  return list;
}

export function hintsOf(fields: readonly string[]): Record<string, string | string[]> {
  const hints: Record<string, string | string[]> = {};
  for (const [name, value] of pairs(fields))
    if (name.toLowerCase() === 'link') hints.link = [...(hints.link ?? []), value];
    else hints[name] = value;
  return hints;
}
