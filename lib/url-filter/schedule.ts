import { z } from 'zod';
import { clock } from '../core/clock.ts';
import { oneOf, quote, refuse, schemaOf } from '../core/options.ts';
import { suggestion } from '../core/wording.ts';

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** A day of the week. */
export type Day = (typeof days)[number];

/** A time of the week, by the clocks on the wall of a time zone. */
export interface TimeWindow {
  /** Days on which it begins. @default every day */
  readonly days?: readonly Day[];
  /** `'HH:MM'`. @default '00:00' */
  readonly from?: string;
  /** `'HH:MM'`, itself no longer inside; earlier than `from` it is on the next day. @default '24:00' */
  readonly to?: string;
  /** IANA name, e.g. `'Europe/Berlin'`. @default the time zone of the process */
  readonly timeZone?: string;
}

/** When something is in force: in any of these windows. */
export type Schedule = TimeWindow | readonly TimeWindow[];

/** Whether a schedule is in force now. */
export type InForce = () => boolean;

interface ParsedWindow {
  /** Days, Monday is 0. */
  readonly begins: ReadonlySet<number>;
  /** Minutes of the day. */
  readonly from: number;
  readonly to: number;
  readonly clock: Intl.DateTimeFormat;
}

const minuteLength = 60_000;
const midnight = 24 * 60;
const timePattern = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/;

const windowSchema = schemaOf<TimeWindow>()({
  days: z
    .array(oneOf(days))
    .min(1, { error: "[] is never; name days such as 'mon', or leave it out for all" })
    .default([...days]),
  from: time().default(0),
  to: time().default(midnight),
  timeZone: timeZone().optional(),
})
  .superRefine(({ from, to }, context) => {
    if (from === to)
      refuse(context, 'from', "is the same time as 'to'; leave both out for the whole day");
    else if (from === midnight)
      refuse(context, '24:00', "is the end of a day; use '00:00' of the next one as from");
  })
  .transform(({ days: names, from, to, timeZone }): ParsedWindow => {
    const begins = new Set(names.map((day) => days.indexOf(day)));
    return { begins, from, to, clock: timeZone ?? wallClockOf(undefined) };
  });

/** `schedule` as an option. */
export function scheduleField(): z.ZodType<InForce, Schedule> {
  const list = z.array(windowSchema).min(1, { error: '[] is never; leave it out for always' });
  return z
    .union([windowSchema, list])
    .transform((windows) => inForce(Array.isArray(windows) ? windows : [windows])) as never;
}

/** What clocks show changes only with the minute: every zone of today is off by whole ones. */
function inForce(windows: readonly ParsedWindow[]): InForce {
  let minute = NaN;
  let state = false;
  return () => {
    const current = Math.floor(clock.now() / minuteLength);
    if (current !== minute) {
      minute = current;
      state = windows.some((window) => isInside(window, current * minuteLength));
    }
    return state;
  };
}

/** Wall clock against wall clock: an hour that summer time skips never comes, one that it repeats counts twice. */
function isInside({ begins, from, to, clock: zone }: ParsedWindow, now: number): boolean {
  const { day, minute } = readClock(zone, now);
  if (from < to) return begins.has(day) && minute >= from && minute < to;
  return (minute >= from && begins.has(day)) || (minute < to && begins.has((day + 6) % 7));
}

function readClock(zone: Intl.DateTimeFormat, now: number): { day: number; minute: number } {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of zone.formatToParts(now)) parts[type] = value;
  const weekday = (parts.weekday ?? '').toLowerCase() as Day;
  return { day: days.indexOf(weekday), minute: Number(parts.hour) * 60 + Number(parts.minute) };
}

function time(): z.ZodType<number, string> {
  return z
    .custom<string>((value) => typeof value === 'string' && timePattern.test(value), {
      error: ({ input }) => `${quote(input)} is no time; use one such as '08:30', up to '24:00'`,
    })
    .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));
}

function timeZone(): z.ZodType<Intl.DateTimeFormat, string> {
  return z.string().transform((name, context) => {
    try {
      return wallClockOf(name);
    } catch {
      const near = suggestion(name, Intl.supportedValuesOf('timeZone'));
      return refuse(context, name, `is no time zone; use one such as 'Europe/Berlin'${near}`);
    }
  });
}

function wallClockOf(timeZone: string | undefined): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
}
