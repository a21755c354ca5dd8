/**
 * Timestamps of a request: ages in days of history lines.
 *
 * A text without a time zone is taken as it is; one with a zone, and a Date, is turned into UTC. Within a request they
 * are all of one sort. Microseconds are kept; further digits are cut.
 */

import { RequestError } from "./errors.js";

/**
 * A moment: `day` days since 1970-01-01 and `micros` microseconds of that day, in UTC where it is `zoned`.
 * @typedef {{day: number, micros: number, zoned: boolean}} Time
 */

const EXPECTED = "a Date or an ISO 8601 text such as '2017-06-01T12:30:00'";
const DATE = String.raw`(?<year>\d{4})(?<dash>-?)(?<month>\d\d)\k<dash>(?<day>\d\d)`;
const SECONDS = String.raw`\k<colon>(?<second>\d\d)(?:[.,](?<fraction>\d+))?`;
const CLOCK = String.raw`(?<hour>\d\d)(?:(?<colon>:?)(?<minute>\d\d)(?:${SECONDS})?)?`;
const ZONE = String.raw`(?<zone>Z|[+-]\d\d(?::?\d\d)?)`;
const FORM = new RegExp(`^${DATE}(?:[T ]${CLOCK}${ZONE}?)?$`);
const DAY_MICROS = 86_400_000_000;
const DAY_SECONDS = 86_400;
const DAY_MILLIS = 86_400_000;
const FIRST_DAY = -719_162; // 0001-01-01
const LAST_DAY = 2_932_896; // 9999-12-31

/**
 * A moment from a Date or an ISO 8601 text of a calendar date; a date alone is its midnight.
 * @param {unknown} value
 * @param {string} field
 * @returns {Time}
 */
export function readTime(value, field) {
  if (value instanceof Date) {
    const millis = value.getTime();
    if (Number.isNaN(millis)) throw new RequestError(field, EXPECTED, value);
    const day = Math.floor(millis / DAY_MILLIS);
    return inCalendar({ day, micros: (millis - day * DAY_MILLIS) * 1000, zoned: true }, field, value);
  }
  const parts = typeof value === "string" ? FORM.exec(value)?.groups : undefined;
  if (!parts) throw new RequestError(field, EXPECTED, value);
  const [year, month, day] = [Number(parts.year), Number(parts.month), Number(parts.day)];
  const [hour, minute, second] = [Number(parts.hour ?? 0), Number(parts.minute ?? 0), Number(parts.second ?? 0)];
  const offset = readOffset(parts.zone);
  const wrong = year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month);
  if (wrong || hour > 23 || minute > 59 || second > 59 || Number.isNaN(offset))
    throw new RequestError(field, EXPECTED, value);
  const fraction = Number((parts.fraction ?? "").slice(0, 6).padEnd(6, "0"));
  const micros = ((hour * 60 + minute) * 60 + second - offset) * 1_000_000 + fraction;
  const shift = Math.floor(micros / DAY_MICROS);
  const time = { day: dayNumber(year, month, day) + shift, micros: micros - shift * DAY_MICROS };
  return inCalendar({ ...time, zoned: parts.zone !== undefined }, field, value);
}

/**
 * The times of a history, of one sort; there is at least one.
 * @param {readonly unknown[]} values
 * @returns {Time[]}
 */
export function readTimes(values) {
  const times = values.map((value, position) => readTime(value, `history[${position}].ordered_at`));
  const { zoned } = times[0];
  for (const [position, time] of times.entries())
    if (time.zoned !== zoned)
      throw new RequestError(`history[${position}].ordered_at`, zoneLike(zoned), values[position]);
  return times;
}

/**
 * Days from each time of a history to `at`; negative in the future. An absent `at` is now.
 * @param {Time | null} at
 * @param {readonly Time[]} times
 * @param {boolean | null} zoned whether the times have a zone; null without any
 * @returns {Float64Array}
 */
export function daysUntil(at, times, zoned) {
  if (at !== null && zoned !== null && at.zoned !== zoned)
    throw new RequestError("at", zoneLike(zoned), `a time with${at.zoned ? " one" : "out"}`);
  const end = at ?? readTime(new Date(), "at");
  return Float64Array.from(times, (time) => daysFrom(time, end));
}

/**
 * (`end` - `start`) in days of 86,400 seconds: whole microseconds, then float64; exact within 285 years.
 * @param {Time} start
 * @param {Time} end
 */
function daysFrom(start, end) {
  return ((end.day - start.day) * DAY_MICROS + (end.micros - start.micros)) / 1_000_000 / DAY_SECONDS;
}

/**
 * Seconds east of Greenwich; 0 without a zone, NaN where there is no such zone.
 * @param {string | undefined} zone
 */
function readOffset(zone) {
  if (zone === undefined || zone === "Z") return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(3).replace(":", "") || 0)];
  if (hours > 23 || minutes > 59) return Number.NaN;
  return (zone[0] === "-" ? -1 : 1) * (hours * 60 + minutes) * 60;
}

/**
 * Days since 1970-01-01 in the proleptic Gregorian calendar. `Date.UTC` takes the years 0 to 99 for 1900 to 1999.
 * @param {number} year
 * @param {number} month
 * @param {number} day
 */
function dayNumber(year, month, day) {
  return year >= 100
    ? Date.UTC(year, month - 1, day) / DAY_MILLIS
    : Date.UTC(year + 400, month - 1, day) / DAY_MILLIS - 146_097;
}

/**
 * @param {number} year
 * @param {number} month
 */
function daysInMonth(year, month) {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/**
 * The time itself, if its UTC lies in the years 1 to 9999.
 * @param {Time} time
 * @param {string} field
 * @param {unknown} value
 */
function inCalendar(time, field, value) {
  if (!(time.day >= FIRST_DAY && time.day <= LAST_DAY))
    throw new RequestError(field, "a time whose UTC lies in the years 1 to 9999", value);
  return time;
}

/**
 * The words of a refusal to mix times with and without a time zone.
 * @param {boolean} zoned
 * @param {string} [other]
 */
export function zoneLike(zoned, other = "history[0].ordered_at has") {
  return `a time ${zoned ? "with" : "without"} a time zone, as ${other}${zoned ? "" : " none"}`;
}
