import type { ExchangeTimes } from '../core/http/age.ts';
import { cacheTags } from '../core/http/cache-tags.ts';
import { matches304, refreshed, refreshedByHead } from '../core/http/refresh.ts';
import { fieldsWhere } from '../core/http/field-lines.ts';
import type { Fields } from '../core/http/fields.ts';
import { judgeStoring } from '../core/http/storing.ts';
import { varyNames } from '../core/http/vary.ts';
import { keepVary, type Entry, type VaryRecord } from './entry.ts';
import type { Flight } from './flight.ts';

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
  flight: Flight,
  stale: Entry,
  from304: Fields,
  times: ExchangeTimes,
): Refreshed | undefined {
  if (!matches304(stale.fields, from304, times.received)) return undefined;
  const fields = refreshed(stale.fields, from304, times.received);
  flight.leader.engine.counters.revalidated += 1;
  return update(flight, withFields(stale, fields), times);
}

/** A HEAD brings a stored answer up to date, or shows that it no longer holds (RFC 9111 §4.3.5). */
export async function refreshByHead(
  flight: Flight,
  head: Fields,
  times: ExchangeTimes,
): Promise<void> {
  const { stale, engine, at } = flight.leader;
  if (stale?.status !== 200) return;
  const fields = refreshedByHead(stale.fields, stale.body.length, head, times.received);
  if (fields === 'outdated') await engine.records.delete(at);
  // Where it has proven nothing all stays as it is.
  else if (fields !== stale.fields) update(flight, withFields(stale, fields), times);
}

function update(flight: Flight, entry: Entry, times: ExchangeTimes): Refreshed {
  const visit = flight.leader;
  const { epoch } = flight;
  const { engine, at, key, vary } = visit;
  const request = {
    method: 'GET',
    directives: visit.directives,
    credentials: visit.credentials,
    cookies: visit.cookies,
  };
  const verdict = judgeStoring(request, entry, engine.policy, times);
  if (!verdict.store || variesFurther(entry.fields, vary)) {
    // Its last use: the origin has said that it is still good, and that it is to be kept no longer, or not for all who
    // would find it where it stands.
    void engine.records.delete(at);
    const validity = { ...entry.validity, received: times.received, initialAge: 0 };
    return { entry: { ...entry, validity }, shared: false };
  }
  const { validity, keepFor, withoutFields } = verdict;
  const fields = fieldsWhere(entry.fields, (name) => !withoutFields.includes(name));
  const updated: Entry = { ...entry, fields, validity };
  if (epoch !== undefined) {
    const { received } = times;
    void engine.records.set(at, updated, received + keepFor, flight.epochAt(at));
    if (vary !== undefined) void engine.records.set(key, vary, received + keepVary(keepFor), epoch);
  }
  return { entry: updated, shared: true };
}

/** Whether an answer varies by more than what chose the place where it stands. */
function variesFurther(fields: Fields, vary: VaryRecord | undefined): boolean {
  const names = varyNames(fields);
  return names === '*' || names.some((name) => vary?.names.includes(name) !== true);
}

/** The tags of other fields are other groups. */
function withFields(stale: Entry, fields: Fields): Entry {
  const before = cacheTags(stale.fields);
  const kept = stale.groups.filter((group) => !before.includes(group));
  return { ...stale, fields, groups: [...kept, ...cacheTags(fields)] };
}
