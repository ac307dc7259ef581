const TIME = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/;

/** Whether there is such a time zone: `Asia/Shanghai`, `UTC`, `+08:00`. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

/** The time zone of this machine. */
export const localTimeZone = () => Temporal.Now.timeZoneId();

/**
 * `YYYY-MM-DD HH:MM:SS` on a clock in a time zone, as Unix milliseconds; undefined if it is no such time. Of an hour
 * that comes twice it is the first one.
 */
export function readWallClock(text: string, zone: string): number | undefined {
  const parts = TIME.exec(text);
  if (parts === null) return undefined;
  try {
    const plain = Temporal.PlainDateTime.from(`${parts[1]}T${parts[2]}`, { overflow: "reject" });
    return plain.toZonedDateTime(zone).epochMilliseconds;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}
