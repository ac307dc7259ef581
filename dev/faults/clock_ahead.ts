/**
 * Loaded before the server by `clock-ahead`: its clock is CLOCK_AHEAD_MS ahead of everybody else's. The clock that
 * measures durations is not changed, as it is not by a wrong date.
 */
const ahead = Number(Deno.env.get("CLOCK_AHEAD_MS"));
const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: [] | [number], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now() + ahead] : args, newTarget),
  apply: () => new RealDate(RealDate.now() + ahead).toString(),
  get: (target, property, receiver) =>
    property === "now" ? () => RealDate.now() + ahead : Reflect.get(target, property, receiver),
});
