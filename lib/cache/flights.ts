import type { Flight } from './flight.ts';

interface Place {
  flight: Flight | undefined;
}

/**
 * The fetches under way, by the key they fill.
 *
 * A Map that is always being added to and deleted from gets a new table again and again, and V8 keeps what an old table
 * that has grown old itself still points to until its next full collection: requests with all they consist of. So a place
 * is emptied before it is given up.
 */
export class Flights {
  readonly #places = new Map<string, Place>();

  get(key: string): Flight | undefined {
    return this.#places.get(key)?.flight;
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  set(key: string, flight: Flight): void {
    this.delete(key);
    this.#places.set(key, { flight });
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    place.flight = undefined;
    this.#places.delete(key);
  }

  /** Gives up the place of this one, if it still has it. */
  leave(key: string, flight: Flight): boolean {
    if (this.#places.get(key)?.flight !== flight) return false;
    this.delete(key);
    return true;
  }

  /** Whoever comes from now on does not find them. */
  forget(which: (flight: Flight) => boolean): void {
    for (const [key, { flight }] of this.#places)
      if (flight !== undefined && which(flight)) this.delete(key);
  }
}
