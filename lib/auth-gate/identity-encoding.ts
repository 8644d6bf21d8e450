/**
 * A name as a field's value: printable ASCII as it is, all else percent-encoded as UTF-8, so that
 * `decodeURIComponent` gives the name back. So are the percent sign, and spaces at the ends, which every
 * reader of fields would take off (` admin` is not `admin`).
 */
export function fieldText(name: string): string {
  return name.toWellFormed().replace(/^ +| +$|[^\x20-\x7e]|%/gu, encodeURIComponent);
}

/** Names as a list with commas; commas in them are percent-encoded. */
export function fieldList(names: readonly string[]): string {
  return names.map((name) => fieldText(name).replaceAll(',', '%2C')).join(',');
}
