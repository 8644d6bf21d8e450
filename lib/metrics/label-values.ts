/** What stands for all values beyond the first ones. */
export const other = 'other';
/** Nothing is known. */
export const none = '-';

/** Values of one label. Whatever clients make up, a metric has only so many series. */
export class LabelValues {
  readonly #limit: number;
  readonly #known: Set<string> = new Set();

  constructor(limit: number) {
    this.#limit = limit;
  }

  of(value: string | undefined): string {
    if (value === undefined || value === '') return none;
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#limit) return other;
    this.#known.add(value);
    return value;
  }
}

/** The labels of one registry: what is told apart in one metric is in the others, too. */
export class Labels {
  readonly #limit: number;
  readonly #values: Map<string, LabelValues> = new Map();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param label one of ours */
  valuesOf(label: string): LabelValues {
    let values = this.#values.get(label);
    if (values === undefined) this.#values.set(label, (values = new LabelValues(this.#limit)));
    return values;
  }
}

const methods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
]);

export function methodLabel(method: string): string {
  return methods.has(method) ? method : other;
}

export function statusLabel(status: number): string {
  return status >= 100 && status < 600 ? String(status) : other;
}
