import { needleOf, SEARCHED } from "../../server/stores/matching.ts";
import { comparePlaces, placeBefore, readPlace, writePlace } from "../../server/stores/place.ts";
import type { Found, Query } from "../../server/stores/store.ts";
import { isVisible } from "../../server/stores/visible.ts";
import type { Tables } from "./database.ts";

/** The plain meaning of `SearchStore.find`. */
export function search(tables: Tables, { user, text, conv, before, limit }: Query): Found | undefined {
  const from = typeof before === "number" ? placeBefore(before) : before && readPlace(before);
  if (before !== undefined && !from) return undefined;
  const needle = needleOf(text);
  const all = [...tables.logs()].filter(([name]) => conv === undefined || name === conv)
    .flatMap(([name, log]) => {
      const member = tables.membership(name, user);
      return member ? log.filter(({ seq }) => isVisible({ conv: name, ...member }, seq)) : [];
    })
    .filter(({ kind, body }) => kind === SEARCHED && needle.matches(body))
    .filter((message) => !from || comparePlaces(from, message) < 0)
    .sort(comparePlaces);
  const found = all.slice(0, limit).map((message) => ({
    message: { ...message, senderName: tables.account({ id: message.sender })?.name ?? "" },
    place: writePlace(message),
  }));
  return all.length > limit ? { found, next: found.at(-1)!.place } : { found };
}
