import type { Outcome } from "./run.ts";

/** What many simulations amount to. */
export class Tally {
  readonly #faults = new Map<string, { schedules: number; faults: number; acknowledged: number }>();
  readonly #began = performance.now();
  #schedules = 0;
  #seconds = 0;
  #sent = 0;
  #attempts = 0;
  #sightings = 0;
  #gone = 0;
  acknowledged = 0;

  add({ schedule, verdict: { counts }, ended }: Outcome): void {
    this.#schedules++;
    this.#seconds += ended / 1000;
    this.#sent += counts.sent;
    this.#attempts += counts.attempts;
    this.acknowledged += counts.acknowledged;
    this.#sightings += counts.sightings;
    this.#gone += counts.gone;
    for (const [kind, faults] of Map.groupBy(schedule.faults, ({ fault }) => fault.kind)) {
      const row = this.#faults.get(kind) ?? { schedules: 0, faults: 0, acknowledged: 0 };
      row.schedules++;
      row.faults += faults.length;
      row.acknowledged += counts.acknowledged;
      this.#faults.set(kind, row);
    }
  }

  /** In Markdown: all of it, and for each kind of fault how often it met what. */
  table(): string {
    const minutes = (performance.now() - this.#began) / 60_000;
    const hours = (this.#seconds / 3600).toFixed(1);
    const rows = [...this.#faults].sort(([a], [b]) => a < b ? -1 : 1).map(([kind, row]) =>
      `| ${kind} | ${row.faults} | ${row.schedules} | ${row.acknowledged} |`
    );
    return [
      `${this.#schedules} schedules, ${hours} simulated hours in ${
        minutes.toFixed(1)
      } minutes: nothing wrong.`,
      `${this.#sent} messages sent ${this.#attempts} times, ${this.acknowledged} acknowledged, seen ` +
      `${this.#sightings} times; ${this.#gone} went with a database that came back older and a client that did not.`,
      "",
      "| fault | times | in schedules | messages acknowledged in these |",
      "| --- | --- | --- | --- |",
      ...rows,
    ].join("\n");
  }
}
