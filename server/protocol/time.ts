/** Server time as v1 prints it, `YYYY-MM-DD HH:MM:SS` in the server's time zone. */
export function serverTime(at: number): string {
  const date = new Date(at);
  const two = (value: number) => value < 10 ? `0${value}` : `${value}`;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
