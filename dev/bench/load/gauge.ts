import process from "node:process";
import { quantile } from "../statistics.ts";

/** What a load has measured in some time. */
export interface Figures {
  readonly perSecond: number;
  /** Latencies, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The share of the time that the load's process was busy; near 1 means the load was the limit. */
  readonly busy: number;
}

/** Gathers latencies, and says how busy this process was meanwhile. */
export class Gauge {
  #latencies: number[] = [];
  #count = 0;
  #began = performance.now();
  #cpu = process.cpuUsage();

  /** Something is done that took so many ms, and counts as so many. */
  add(ms: number, count = 1): void {
    this.#latencies.push(ms);
    this.#count += count;
  }

  /** The figures since the last call; begins anew. */
  read(): Figures {
    const now = performance.now();
    const seconds = (now - this.#began) / 1000;
    const { user, system } = process.cpuUsage(this.#cpu);
    const sorted = Float64Array.from(this.#latencies).sort();
    const figures = {
      perSecond: this.#count / seconds,
      p50: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
      max: quantile(sorted, 1),
      busy: (user + system) / 1e6 / seconds,
    };
    this.#latencies = [];
    this.#count = 0;
    this.#began = performance.now();
    this.#cpu = process.cpuUsage();
    return figures;
  }
}
