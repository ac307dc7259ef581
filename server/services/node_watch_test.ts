import { assertEquals } from "@std/assert";
import { NodeWatch } from "./node_watch.ts";

Deno.test("node watch: a node is overdue when its counter has not moved for so long by the watcher's clock", () => {
  const watch = new NodeWatch();
  watch.see([{ id: "a", beat: 1 }, { id: "b", beat: 7 }], 1000);
  assertEquals(watch.overdue(5999, 5000), []);
  watch.see([{ id: "a", beat: 2 }, { id: "b", beat: 7 }], 5900);
  assertEquals(watch.overdue(6000, 5000), [{ id: "b", beat: 7 }]);
  watch.restart(6000);
  assertEquals(watch.overdue(10_999, 5000), []);
  assertEquals(watch.overdue(11_000, 5000).length, 2);
});

Deno.test("node watch: says that nodes are gone, and that counters went back, each once", () => {
  const watch = new NodeWatch();
  const nothing = { gone: false, older: false };
  assertEquals(watch.see([{ id: "a", beat: 5 }, { id: "b", beat: 5 }], 0), nothing);
  assertEquals(watch.see([{ id: "a", beat: 5 }], 1), { gone: true, older: false });
  assertEquals(watch.see([{ id: "a", beat: 4 }, { id: "c", beat: 1 }], 2), { gone: false, older: true });
  assertEquals(watch.see([{ id: "a", beat: 4 }, { id: "c", beat: 1 }], 3), nothing);
});
