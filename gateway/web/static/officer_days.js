// Days of a search, by the clock of a facility.

const DAY = 86_400_000;

/** The moment (ISO 8601) at which a day such as "2030-01-31" begins by a zone's clock; the browser's where it is none. */
export function begins(day, timeZone) {
  const midnight = Date.parse(`${day}T00:00Z`);
  const shown = (moment) => new Date(moment).toLocaleString("sv-SE", { timeZone }).replace(" ", "T");
  const ahead = (moment) => Date.parse(`${shown(moment)}Z`) - moment;
  // Twice: the clocks may change between the first guess and the day's beginning.
  return new Date(midnight - ahead(midnight - ahead(midnight))).toISOString();
}

/** The day after a day. */
export const next = (day) => new Date(Date.parse(`${day}T00:00Z`) + DAY).toISOString().slice(0, 10);
