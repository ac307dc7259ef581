import { alignedTable } from "../bench/markdown.ts";
import type { Hunt } from "./hunt.ts";

/** What has noticed which mutant, in Markdown. */
export function table(hunts: readonly Hunt[]): string {
  return alignedTable([
    ["mutant", "noticed by", "after", "seconds"],
    ...hunts.map(({ mutant, killedBy, after, seconds }) => [
      mutant.name,
      killedBy ?? "nothing: it survives",
      after,
      seconds.toFixed(1),
    ]),
  ]);
}
