// @ts-check
import { currentLanguage } from './words.js';

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/**
 * @param {number} value
 * @param {number} [digits] after the point
 */
export function number(value, digits = 0) {
  const key = `${currentLanguage()} ${digits}`;
  let format = formats.get(key);
  if (format === undefined) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    format = new Intl.NumberFormat(currentLanguage(), options);
    formats.set(key, format);
  }
  return format.format(value);
}

/** A rate: small ones with a digit after the point. @param {number} value */
export function rate(value) {
  return number(value, value !== 0 && value < 9.95 ? 1 : 0);
}

/** A share of one. @param {number} value */
export function percent(value) {
  const hundredths = value * 100;
  const digits = hundredths === 0 || hundredths >= 99.95 ? 0 : hundredths < 0.995 ? 2 : 1;
  return `${number(hundredths, digits)} %`;
}

/** A latency, as its number and its unit. @param {number | null | undefined} milliseconds @returns {[string, string]} */
export function latencyParts(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return ['–', ''];
  if (milliseconds < 9.95) return [number(milliseconds, 1), 'ms'];
  if (milliseconds < 999.5) return [number(milliseconds), 'ms'];
  return [number(milliseconds / 1000, milliseconds < 9950 ? 1 : 0), 's'];
}

/** @param {number | null | undefined} milliseconds */
export function latency(milliseconds) {
  return latencyParts(milliseconds).join('\u00a0').trim();
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** @param {number} bytes */
export function size(bytes) {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${number(value, power > 0 && value < 9.95 ? 1 : 0)} ${units[power]}`;
}

/** The time of day. @param {number} time wall-clock milliseconds @param {boolean} [seconds] */
export function timeOfDay(time, seconds = true) {
  const date = new Date(time);
  const parts = [date.getHours(), date.getMinutes(), ...(seconds ? [date.getSeconds()] : [])];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** How long something has gone on. @param {number} milliseconds */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const units =
    currentLanguage() === 'ja' ? ['日', '時間', '分', '秒'] : [' d', ' h', ' min', ' s'];
  const parts = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  const first = parts.findIndex((part) => part > 0);
  if (first === -1) return `0${units[3]}`;
  return parts
    .slice(first, first + 2)
    .map((part, at) => `${part}${units[first + at]}`)
    .join(' ');
}
