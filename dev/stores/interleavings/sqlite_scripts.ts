import type { NewMessage } from "../../../server/stores/store.ts";
import type { Wish } from "./cases.ts";
import type { Script } from "./sqlite_world.ts";

/** After which batches messages are filed. */
const FILING = {
  "-": () => false,
  "each": () => true,
  "first": (batch: number) => batch === 0,
  "last": (batch: number, count: number) => batch === count - 1,
} as const;
type Filing = keyof typeof FILING;

/** All scripts of two writers with two entries each, as texts: order and batches, filing, whether batches are given ahead. */
export function allScripts(): string[] {
  return orders(2, 2).flatMap(cuts).flatMap((order) =>
    Object.keys(FILING).flatMap((filing) => ["ahead", "-"].map((ahead) => `${order} ${filing} ${ahead}`))
  );
}

/** The script that a text means: `AA,B,B first ahead`. */
export function scriptOf(text: string, wishes: readonly (readonly Wish[])[]): Script {
  const [order, filing, ahead] = text.split(" ");
  const left = wishes.map((some) => [...some] as NewMessage[]);
  const batches = order!.split(",").map((batch) =>
    [...batch].map((who) => {
      const node = "AB".indexOf(who);
      return { node, entry: left[node]!.shift()! };
    })
  );
  const files = batches.map((_, i) => FILING[filing as Filing](i, batches.length));
  return { batches, files, ahead: ahead === "ahead" };
}

/** All orders of two lists, each in its own order: which of the two is next. */
function orders(one: number, two: number): string[] {
  if (one + two === 0) return [""];
  return [
    ...one > 0 ? orders(one - 1, two).map((rest) => `A${rest}`) : [],
    ...two > 0 ? orders(one, two - 1).map((rest) => `B${rest}`) : [],
  ];
}

/** All ways to cut a text into parts. */
function cuts(text: string): string[] {
  if (text.length < 2) return [text];
  return cuts(text.slice(1)).flatMap((rest) => [`${text[0]}${rest}`, `${text[0]},${rest}`]);
}
