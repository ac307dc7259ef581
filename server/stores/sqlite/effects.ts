import type { DatabaseSync } from "node:sqlite";
import type { Effect } from "../../protocol/kinds.ts";
import type { Row } from "../plan.ts";
import type { NewMessage } from "../store.ts";
import { PLACE } from "./messages.ts";
import { Statement } from "./statements.ts";

/** Carries out an effect of an entry that has been inserted by the same transaction. */
type CarryOut = (row: Row<NewMessage>) => void;

/** How each effect is carried out. */
export function effectsOn(db: DatabaseSync): Readonly<Record<Effect, CarryOut>> {
  const ask = new Statement<never>(
    db,
    "INSERT INTO friendrequest (userid, friendid) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const answer = new Statement<never>(db, "DELETE FROM friendrequest WHERE userid = ? AND friendid = ?");
  const befriend = new Statement<never>(
    db,
    "INSERT INTO friend (userid, friendid, since) VALUES (?1, ?2, ?3), (?2, ?1, ?3) ON CONFLICT DO NOTHING",
  );
  const unfriend = new Statement<never>(
    db,
    "DELETE FROM friend WHERE (userid = ?1 AND friendid = ?2) OR (userid = ?2 AND friendid = ?1)",
  );
  const place = new Statement<{ id: number }>(db, PLACE);
  const setText = new Statement<never>(db, "UPDATE entry SET body = ?, edited = ? WHERE id = ?");
  const addEdit = new Statement<never>(db, "INSERT INTO edit (conv, ref, seq) VALUES (?, ?, ?)");
  const edits = new Statement<{ seq: number }>(db, "SELECT seq FROM edit WHERE conv = ? AND ref = ?");
  const dropEdits = new Statement<never>(db, "DELETE FROM edit WHERE conv = ? AND ref = ?");
  const dropReactions = new Statement<never>(db, "DELETE FROM reaction WHERE conv = ? AND ref = ?");
  const addReaction = new Statement<never>(
    db,
    "INSERT INTO reaction (conv, ref, emoji, userid) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const dropReaction = new Statement<never>(
    db,
    "DELETE FROM reaction WHERE conv = ? AND ref = ? AND emoji = ? AND userid = ?",
  );
  const rewrite = (
    { conv, seq }: { conv: string; seq: number },
    { body, edited }: { body: string; edited: number | null },
  ) => {
    const id = place.get(conv, seq)?.id;
    // An entry that was purged has no text any more.
    if (id !== undefined) setText.run(body, edited, id);
  };

  return {
    ask: ({ entry: { sender, to } }) => ask.run(sender, to!),
    answer: ({ entry: { sender, to } }) => answer.run(to!, sender),
    befriend: ({ entry: { sender, to }, message: { at } }) => {
      answer.run(to!, sender);
      answer.run(sender, to!);
      befriend.run(sender, to!, at);
    },
    unfriend: ({ entry: { sender, to } }) => unfriend.run(sender, to!),
    rewrite: ({ message: { conv, seq, ref, body, at } }) => {
      rewrite({ conv, seq: ref! }, { body, edited: at });
      addEdit.run(conv, ref!, seq);
    },
    erase: ({ message: { conv, ref } }) => {
      for (const seq of [ref!, ...edits.all(conv, ref!).map(({ seq }) => seq)]) {
        rewrite({ conv, seq }, { body: "", edited: null });
      }
      dropEdits.run(conv, ref!);
      dropReactions.run(conv, ref!);
    },
    react: ({ message: { conv, ref, sender }, entry: { fields } }) => {
      (fields!.on ? addReaction : dropReaction).run(conv, ref!, fields!.emoji!, sender);
    },
  };
}
