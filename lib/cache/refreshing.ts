import type { ExchangeTimes } from '../core/http/age.ts';
import { matches304, refreshed, refreshedByHead } from '../core/http/refresh.ts';
import { fieldsWhere } from '../core/http/field-lines.ts';
import type { Fields } from '../core/http/fields.ts';
import { judgeStoring } from '../core/http/storing.ts';
import { keepVary, type Entry } from './entry.ts';
import type { Epoch } from './store.ts';
import type { Visit } from './visit.ts';

export interface Refreshed {
  readonly entry: Entry;
  /** Whether it is still for others than the one whose request brought the 304. */
  readonly shared: boolean;
}

/**
 * A stored answer as a 304 brings it up to date (RFC 9111 §4.3.4); also in the store, where it may stay there.
 *
 * @returns undefined when the 304 speaks of another one
 */
export function refreshEntry(
  visit: Visit,
  stale: Entry,
  from304: Fields,
  times: ExchangeTimes,
  epoch: Epoch | undefined,
): Refreshed | undefined {
  if (!matches304(stale.fields, from304, times.received)) return undefined;
  const fields = refreshed(stale.fields, from304, times.received);
  const { engine } = visit;
  engine.counters.revalidated += 1;
  return update(visit, { ...stale, fields }, times, epoch);
}

/** A HEAD brings a stored answer up to date, or shows that it no longer holds (RFC 9111 §4.3.5). */
export async function refreshByHead(
  visit: Visit,
  head: Fields,
  times: ExchangeTimes,
  epoch: Epoch | undefined,
): Promise<void> {
  const { stale, engine } = visit;
  if (stale?.status !== 200) return;
  const fields = refreshedByHead(stale.fields, stale.body.length, head, times.received);
  if (fields === 'outdated') await engine.records.delete(visit.at);
  // Where it has proven nothing all stays as it is.
  else if (fields !== stale.fields) update(visit, { ...stale, fields }, times, epoch);
}

function update(
  visit: Visit,
  entry: Entry,
  times: ExchangeTimes,
  epoch: Epoch | undefined,
): Refreshed {
  const { engine, at, key, vary } = visit;
  const request = {
    method: 'GET',
    directives: visit.directives,
    credentials: visit.credentials,
    cookies: visit.cookies,
  };
  const verdict = judgeStoring(request, entry, engine.policy, times);
  if (!verdict.store) {
    // Its last use: the origin has said that it is still good, and that it is to be kept no longer.
    void engine.records.delete(at);
    const validity = { ...entry.validity, received: times.received, initialAge: 0 };
    return { entry: { ...entry, validity }, shared: false };
  }
  const { validity, keepFor, withoutFields } = verdict;
  const fields = fieldsWhere(entry.fields, (name) => !withoutFields.includes(name));
  const updated: Entry = { ...entry, fields, validity };
  if (epoch !== undefined) {
    const { received } = times;
    void engine.records.set(at, updated, received + keepFor, at === key ? epoch : undefined);
    if (vary !== undefined) void engine.records.set(key, vary, received + keepVary(keepFor), epoch);
  }
  return { entry: updated, shared: true };
}
