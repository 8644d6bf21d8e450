// @ts-check
import { latency, number, percent } from './format.js';

/** Whole powers of ten around the values. @param {number | null} least @param {number | null} most @returns {[number, number]} */
export function decades(least, most) {
  const low = 10 ** Math.floor(Math.log10(Math.max(0.01, least ?? 1)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(0.1, most ?? 100)));
  return [low, Math.max(high, low * 10)];
}

/** @param {number} least @param {number} most */
export function powersOfTen(least, most) {
  const [first, last] = [Math.round(Math.log10(least)), Math.round(Math.log10(most))];
  return Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
}

/** A value beside the axis: round ones need no digits. @param {number} value @param {(value: number) => string} format */
export function tick(value, format) {
  if (format === percent) return `${number(value * 100)} %`;
  if (format === latency) return value < 1000 ? `${value} ms` : `${value / 1000} s`;
  return Number.isInteger(value) ? number(value) : format(value);
}
