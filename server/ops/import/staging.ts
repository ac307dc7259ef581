import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { createHash } from "node:crypto";
import { groupConv, pairConv } from "../../protocol/conversation.ts";
import { LONGEST_DESCRIPTION, LONGEST_NAME, LONGEST_PASSWORD, usableLabel, withId } from "./labels.ts";
import type { Mojibake } from "./mojibake.ts";
import { Source, type SourceRow, type SourceTable } from "./source.ts";
import type { Subject, Tally } from "./tally.ts";
import { readWaiting, type WaitingText } from "./waiting_text.ts";
import { readWallClock } from "./wall_clock.ts";

/** Longest text of a message that is taken, in characters: about what a frame of the server holds. */
const LONGEST_TEXT = 65_536;

/** Pages beyond this cache go to a file that has no name: it is gone when this process ends, however it ends. */
const SETTINGS = "PRAGMA temp_store = FILE; PRAGMA temp.journal_mode = OFF; PRAGMA temp.cache_size = -65536";

const SCHEMA = `
  CREATE TEMP TABLE user (id INTEGER PRIMARY KEY, name TEXT NOT NULL, same TEXT NOT NULL UNIQUE, password TEXT);
  CREATE TEMP TABLE friendship (low INTEGER NOT NULL, high INTEGER NOT NULL, UNIQUE (low, high));
  CREATE TEMP TABLE chatgroup (id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL);
  CREATE TEMP TABLE member (chatgroup INTEGER NOT NULL, user INTEGER NOT NULL, role TEXT NOT NULL, UNIQUE (chatgroup, user));
  CREATE TEMP TABLE request (sender INTEGER NOT NULL, receiver INTEGER NOT NULL, UNIQUE (sender, receiver));
  CREATE TEMP TABLE waiting (
    pos INTEGER PRIMARY KEY, receiver INTEGER NOT NULL, conv TEXT NOT NULL, kind TEXT NOT NULL,
    sender INTEGER NOT NULL, body TEXT NOT NULL, literal TEXT, said TEXT NOT NULL, at INTEGER NOT NULL)`;

export interface StagingOptions {
  readonly tally: Tally;
  /** Restores texts; undefined if they stand there as they are. */
  readonly mojibake: Mojibake | undefined;
  readonly timezone: string;
  /** Unix milliseconds. */
  readonly now: number;
}

/** What was read and is to be taken over, checked, in temporary tables: passwords stand there in clear. */
export class Staging implements Disposable {
  readonly db = new DatabaseSync(":memory:");
  readonly #options: StagingOptions;
  readonly #statements = new Map<string, StatementSync>();
  readonly #hash = createHash("sha256");
  /** Messages that had lost backslashes, and messages that had escaped quotes. */
  #repaired = 0;
  #escaped = 0;
  /** The time of the message before. */
  #at: number;

  constructor(options: StagingOptions) {
    this.#options = options;
    this.#at = options.now;
    this.db.exec(SETTINGS);
    this.db.exec(SCHEMA);
    this.db.exec("BEGIN");
  }

  /** Takes a row of the source, if it is of use. */
  add(table: SourceTable, row: SourceRow): void {
    this.#hash.update(JSON.stringify([table, ...Object.values(row)]));
    switch (table) {
      case "user":
        return this.#addUser(row);
      case "friend":
        return this.#addFriendship(row);
      case "allgroup":
        return this.#addGroup(row);
      case "groupuser":
        return this.#addMember(row);
      case "offlinemessage":
        return this.#addWaiting(row);
    }
  }

  /** To be called when everything was added. The name of what was read: other rows, or other options, have another. */
  seal(): string {
    // Where backslashes were lost, those that are left are no escapes.
    if (this.#repaired > this.#escaped) {
      this.db.exec("UPDATE waiting SET body = literal WHERE literal IS NOT NULL");
    }
    const { charset, timezone } = {
      charset: this.#options.mojibake !== undefined,
      timezone: this.#options.timezone,
    };
    return this.#hash.update(JSON.stringify([charset, timezone])).digest("hex");
  }

  [Symbol.dispose](): void {
    this.db.close();
  }

  #addUser(row: SourceRow): void {
    const subject = "users";
    this.#options.tally.found(subject);
    const { id } = row;
    if (!isId(id)) return this.#skip(subject, "no id that a user can have", row);
    const name = this.#uniqueName(
      id,
      this.#label(subject, row.name, { id, fallback: `user_${id}`, longest: LONGEST_NAME }),
    );
    const password = typeof row.password === "string" ? this.#password(id, row.password) : null;
    if (password === null) this.#remark(subject, "no password: they cannot log in", `id ${id}`);
    if (password === "") this.#remark(subject, "an empty password", `id ${id}`);
    this.#run(
      "INSERT INTO user (id, name, same, password) VALUES (?, ?, ?, ?)",
      id,
      name,
      sameAs(name),
      password,
    );
  }

  /** A name that differs from another one by spaces at the end only is the same to some databases. */
  #uniqueName(id: number, name: string): string {
    const isTaken = (name: string) =>
      this.#get("SELECT 1 FROM user WHERE same = ?", sameAs(name)) !== undefined;
    if (!isTaken(name)) return name;
    let unique = withId(name, id);
    while (isTaken(unique)) unique = withId(unique, id);
    this.#remark("users", "renamed, since somebody else has the name", `id ${id} is ${unique}`);
    return unique;
  }

  #password(id: number, stored: string): string {
    const { text, how } = this.#restored(stored);
    if (how === "lost" || how === "kept") {
      this.#remark("users", "a password that cannot be restored: they may be unable to log in", `id ${id}`);
    }
    if ([...text].length > LONGEST_PASSWORD) {
      this.#remark("users", "a password that is too long for the server: they cannot log in", `id ${id}`);
    }
    return text;
  }

  #addFriendship(row: SourceRow): void {
    const subject = "friendships";
    this.#options.tally.found(subject);
    const { userid: one, friendid: other } = row;
    if (!this.#isUser(one) || !this.#isUser(other)) return this.#skip(subject, "no such user", row);
    if (one === other) return this.#skip(subject, "somebody with themself", row);
    this.#run(
      "INSERT INTO friendship (low, high) VALUES (?, ?) ON CONFLICT DO NOTHING",
      Math.min(one, other),
      Math.max(one, other),
    );
  }

  #addGroup(row: SourceRow): void {
    const subject = "groups";
    this.#options.tally.found(subject);
    const { id } = row;
    if (!isId(id)) return this.#skip(subject, "no id that a group can have", row);
    const name = this.#label(subject, row.groupname, { id, fallback: `group_${id}`, longest: LONGEST_NAME });
    const description = this.#label(subject, row.groupdesc ?? "", {
      id,
      fallback: "",
      longest: LONGEST_DESCRIPTION,
    });
    this.#run("INSERT INTO chatgroup (id, name, description) VALUES (?, ?, ?)", id, name, description);
  }

  #addMember(row: SourceRow): void {
    const subject = "memberships";
    this.#options.tally.found(subject);
    const { groupid: group, userid: user, grouprole } = row;
    if (!this.#isGroup(group)) return this.#skip(subject, "no such group", row);
    if (!this.#isUser(user)) return this.#skip(subject, "no such user", row);
    this.#run(
      "INSERT INTO member (chatgroup, user, role) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      group,
      user,
      grouprole === "creator" ? "creator" : "normal",
    );
  }

  #addWaiting(row: SourceRow): void {
    const subject = "waiting messages";
    this.#options.tally.found(subject);
    const { userid: receiver, message } = row;
    if (!this.#isUser(receiver)) return this.#skip(subject, "no such receiver", row);
    if (typeof message !== "string") return this.#skip(subject, "no text", row);
    if (Source.isCut(message)) return this.#skip(subject, "too long", row);
    const { text: json, how } = this.#restored(message);
    const read = readWaiting(json);
    if (read === undefined) return this.#skip(subject, "not to be read", row);
    const reason = this.#whyNot(read, receiver);
    if (reason !== undefined) return this.#skip(subject, reason, row);
    if (how === "lost") this.#remark(subject, "characters lost", json);
    if (how === "kept") this.#remark(subject, "not restored, kept as it stands there", json);
    if (read.damage === "cut") this.#remark(subject, "its end is missing", json);
    if (read.damage === "repaired") {
      this.#repaired++;
      this.#remark(subject, "lost backslashes repaired", read.text ?? json);
    }
    if (read.literal?.includes('\\"')) this.#escaped++;
    this.#store(receiver, read);
  }

  /** Why a message cannot be taken, if so. */
  #whyNot({ kind, sender, group, text }: WaitingText, receiver: number): string | undefined {
    if (!this.#isUser(sender)) return "no such sender";
    if ((text ?? "").length > LONGEST_TEXT) return "too long";
    if (group !== undefined && !this.#isGroup(group)) return "no such group";
    if (group !== undefined && !this.#isMember(group, receiver)) return "the receiver is not in the group";
    if (kind !== "request") return undefined;
    if (sender === receiver) return "a friend request to oneself";
    if (this.#areFriends(sender, receiver)) return "a friend request between friends";
    const isNew = this.#run(
      "INSERT INTO request (sender, receiver) VALUES (?, ?) ON CONFLICT DO NOTHING",
      sender,
      receiver,
    ) > 0;
    return isNew ? undefined : "a friend request that is pending already";
  }

  #store(receiver: number, read: WaitingText): void {
    const { sender, group, literal } = read;
    const conv = group === undefined ? pairConv(sender, receiver) : groupConv(group);
    const kind = read.kind === "answer"
      ? (read.flag ?? this.#areFriends(sender, receiver)) ? "accept" : "refuse"
      : read.kind;
    const text = read.text ?? `${this.#nameOf(sender)} (${sender}): ${kind}`;
    const at = read.time === undefined ? undefined : readWallClock(read.time, this.#options.timezone);
    // A clock that was wrong, or none: then it is as old as the message before.
    if (at !== undefined && at > 0 && at <= this.#options.now) this.#at = at;
    this.#run(
      "INSERT INTO waiting (receiver, conv, kind, sender, body, literal, said, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      receiver,
      conv,
      kind,
      sender,
      JSON.stringify(text),
      literal === undefined ? null : JSON.stringify(literal),
      read.time ?? "",
      this.#at,
    );
  }

  #label(
    subject: Subject,
    stored: unknown,
    { id, fallback, longest }: { id: number; fallback: string; longest: number },
  ): string {
    const { text: restored, how } = this.#restored(typeof stored === "string" ? stored : "");
    if (how === "lost") this.#remark(subject, "characters lost in the name", `id ${id} is ${restored}`);
    if (how === "kept") {
      this.#remark(subject, "a name not restored, kept as it stands there", `id ${id} is ${restored}`);
    }
    const { text, changes } = usableLabel(restored, longest);
    for (const change of changes) this.#remark(subject, `a name with ${change}`, `id ${id}`);
    if (text.trim() !== "" || fallback === "") return text;
    this.#remark(subject, "named, since they had no name", `id ${id} is ${fallback}`);
    return fallback;
  }

  #restored(text: string) {
    return this.#options.mojibake?.restore(text) ?? { text, how: "plain" as const };
  }

  #isUser(id: unknown): id is number {
    return isId(id) && this.#get("SELECT 1 FROM user WHERE id = ?", id) !== undefined;
  }

  #isGroup(id: unknown): id is number {
    return isId(id) && this.#get("SELECT 1 FROM chatgroup WHERE id = ?", id) !== undefined;
  }

  #isMember(group: number, user: number): boolean {
    return this.#get("SELECT 1 FROM member WHERE chatgroup = ? AND user = ?", group, user) !== undefined;
  }

  #areFriends(one: number, other: number): boolean {
    const pair = [Math.min(one, other), Math.max(one, other)] as const;
    return this.#get("SELECT 1 FROM friendship WHERE low = ? AND high = ?", ...pair) !== undefined;
  }

  #nameOf(user: number): string {
    return String(this.#get("SELECT name FROM user WHERE id = ?", user)?.name);
  }

  #skip(subject: Subject, reason: string, { password: _, ...row }: SourceRow): void {
    this.#options.tally.skip(subject, reason, JSON.stringify(row));
  }

  #remark(subject: Subject, what: string, example: string): void {
    this.#options.tally.remark(subject, what, example);
  }

  #get(sql: string, ...values: SQLInputValue[]) {
    return this.#statement(sql).get(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.db.prepare(sql));
    return statement;
  }
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const sameAs = (name: string) => name.replace(/ +$/, "");
