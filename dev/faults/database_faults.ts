import { copyOf, replaceData } from "../services/older_copy.ts";
import { type Fault, pause } from "./fault.ts";

/** Where a step of the clock takes it, in s, the last time back; and for how long, in ms. */
const STEPS = [6, -300, 0] as const;
const STEP = 8000;

export const DATABASE_FAULTS: readonly Fault[] = [
  {
    name: "clock-step",
    about: "MariaDB's clock is 6 s ahead, then 5 min behind, then right again; nobody's session ends",
    part: "mariadb",
    alone: true,
    async inject({ clock, db, crowd, score }) {
      if (!clock) return;
      const before = crowd.clients.map((client) => client.lost);
      for (const seconds of STEPS) {
        await clock.set(db, seconds);
        await pause(STEP);
      }
      const ended = crowd.clients.filter((client, i) => client.lost > before[i]!);
      if (ended.length === 0) return;
      const where = `sessions of ${ended.length} users ended while only MariaDB's clock was stepped`;
      score.violate({ flaw: "ended", conv: "", seq: undefined, mid: "", where });
    },
  },
  {
    name: "older-copy",
    about: "kill -9 MariaDB, and go on with a copy of its data that is 1 to 5 s older",
    part: "mariadb",
    // A cluster all of whose nodes began later than the copy was taken cannot know that there was more.
    alone: true,
    async inject({ db }, random) {
      const older = await copyOf(db);
      await pause(random.between(1000, 5000));
      await replaceData(db, older);
    },
  },
];
