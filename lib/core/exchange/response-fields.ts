import type { Response } from 'express';

export type FieldValue = number | string | readonly string[];

/** A field on a response, in the spelling of who has set it. */
export interface SetField {
  readonly name: string;
  readonly value: FieldValue;
}

/** The fields that are on a response at some time. */
export class FieldSnapshot {
  readonly #names: readonly string[];
  readonly #values: readonly FieldValue[];

  constructor(res: Response) {
    this.#names = rawNames(res);
    // appendHeader() adds to the array that is there.
    this.#values = this.#names.map((name) => copy(res.getHeader(name) as FieldValue));
  }

  /** Whether the same are there now. */
  stands(res: Response): boolean {
    const names = rawNames(res);
    return (
      names.length === this.#names.length &&
      names.every(
        (name, at) =>
          name === this.#names[at] &&
          same(res.getHeader(name) as FieldValue, this.#values[at] as FieldValue),
      )
    );
  }

  /** By lower-cased name. */
  toMap(): Map<string, SetField> {
    return new Map(
      this.#names.map((name, at) => [
        name.toLowerCase(),
        { name, value: this.#values[at] as FieldValue },
      ]),
    );
  }
}

/** The values as they go out, one a line. */
export function linesOf(value: FieldValue): readonly string[] {
  return typeof value === 'object' ? value : [String(value)];
}

export function same(one: FieldValue, other: FieldValue): boolean {
  if (one === other) return true;
  return (
    typeof one === 'object' &&
    typeof other === 'object' &&
    one.length === other.length &&
    one.every((line, at) => line === other[at])
  );
}

function copy(value: FieldValue): FieldValue {
  return typeof value === 'object' ? [...value] : value;
}

/** Names as they were set. Missing in @types/node for responses, and in HTTP/2's. */
function rawNames(res: Response): readonly string[] {
  const { getRawHeaderNames } = res as { getRawHeaderNames?: () => string[] };
  return getRawHeaderNames === undefined ? res.getHeaderNames() : getRawHeaderNames.call(res);
}
