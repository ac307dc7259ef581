import type { Effect, Fields } from "../../protocol/kinds.ts";
import type { Value } from "./database.ts";

/** How an effect is carried out, in the transaction of its entry. */
interface EffectSql {
  /**
   * Constants, in terms of the variables that are set to what the entry says: `@conv`, `@seq`, `@sender`, `@body`, `@at`,
   * `@ref`, `@to` (the other one of a pair), and `values`.
   */
  readonly sql: readonly string[];
  /** Variables beside these, from the entry's fields. Their names are constants. */
  readonly values?: (fields: Fields) => Readonly<Record<string, Value>>;
}

/** How each effect is carried out. */
export const EFFECTS: Readonly<Record<Effect, EffectSql>> = {
  ask: { sql: ["INSERT INTO friendrequest (userid, friendid) VALUES (@sender, @to)"] },
  answer: { sql: ["DELETE FROM friendrequest WHERE userid = @to AND friendid = @sender"] },
  befriend: {
    sql: [
      "DELETE FROM friendrequest WHERE userid = @to AND friendid = @sender",
      "DELETE FROM friendrequest WHERE userid = @sender AND friendid = @to",
      `INSERT INTO friend (userid, friendid, since) VALUES (@sender, @to, @at), (@to, @sender, @at)
       ON DUPLICATE KEY UPDATE userid = userid`,
    ],
  },
  unfriend: {
    sql: [
      "DELETE FROM friend WHERE userid = @sender AND friendid = @to",
      "DELETE FROM friend WHERE userid = @to AND friendid = @sender",
    ],
  },
  rewrite: {
    sql: [
      "UPDATE message SET body = @body, edited = @at WHERE conv = @conv AND seq = @ref",
      "INSERT INTO edit (conv, ref, seq) VALUES (@conv, @ref, @seq)",
    ],
  },
  erase: {
    sql: [
      `UPDATE message JOIN edit ON edit.conv = message.conv AND edit.seq = message.seq
          SET message.body = '' WHERE edit.conv = @conv AND edit.ref = @ref`,
      "UPDATE message SET body = '', edited = NULL WHERE conv = @conv AND seq = @ref",
      "DELETE FROM edit WHERE conv = @conv AND ref = @ref",
      "DELETE FROM reaction WHERE conv = @conv AND ref = @ref",
    ],
  },
  react: {
    sql: [
      `INSERT INTO reaction (conv, ref, emoji, userid)
       SELECT @conv, @ref, @emoji, @sender FROM (SELECT 1) AS one WHERE @isOn = 1
       ON DUPLICATE KEY UPDATE userid = reaction.userid`,
      `DELETE FROM reaction WHERE @isOn = 0 AND conv = @conv AND ref = @ref
         AND emoji = @emoji COLLATE utf8mb4_bin AND userid = @sender`,
    ],
    values: ({ emoji = "", on }) => ({ emoji, isOn: on ? 1 : 0 }),
  },
};
