import type { LogMessage } from "../../protocol/messages.ts";
import type {
  CursorMove,
  DeviceRow,
  GroupLimits,
  Joined,
  NewGroup,
  NewMessage,
  NewToken,
  Refused,
  UserDevice,
} from "../store.ts";

/** Some entries to be committed. */
export interface Batch {
  readonly entries: readonly NewMessage[];
  /** Unix milliseconds. */
  readonly at: number;
  /** See {@linkcode WriteCalls.commit}. */
  readonly epoch: number;
}

/** Why an entry could not be stored; `unavailable`: trying again later may work. */
export interface Failure {
  readonly failed: string;
  readonly unavailable: boolean;
}

/**
 * What became of an entry: its number, why it was refused, the message that was stored under its mid before, or why it
 * could not be stored.
 */
export type Outcome = number | Refused | LogMessage | Failure;

/** Something that the operator should know. */
export interface Report {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | number>>;
}

/** Everything that changes the database. Each is committed when it returns. Times are Unix milliseconds. */
export interface WriteCalls {
  /**
   * Stores entries in their order; every entry has its own outcome. Callers need not wait for one batch before they
   * give the next: after an entry was `unavailable`, all later ones of the same epoch (and of earlier ones) are too, so
   * that none overtakes it. A caller that has heard of it goes on in a new epoch.
   */
  commit(batch: Batch): Outcome[];
  createUser(user: { name: string; password: string; skeleton?: string; now: number }): number | undefined;
  setPassword(change: { user: number; password: string }): void;
  addToken(given: { token: NewToken; now: number }): void;
  removeTokens(owner: UserDevice): void;
  /** Whether the device is known now: not if its user has too many others. */
  enterDevice(device: UserDevice & DeviceRow): boolean;
  leaveDevice(device: UserDevice & Pick<DeviceRow, "seen">): void;
  forgetDevice(device: UserDevice): void;
  setSeen(users: readonly { readonly user: number; readonly seen: number }[]): void;
  createGroup(group: NewGroup & { now: number; limits?: GroupLimits }): number | undefined;
  joinGroup(join: { group: number; user: number; now: number; limits?: GroupLimits }): Joined;
  moveCursors(moves: readonly CursorMove[]): void;
  renameLog(names: { old: string; log: string }): void;
}

export type WriteName = keyof WriteCalls;
export type WriteArg<Name extends WriteName> = Parameters<WriteCalls[Name]>[0];
export type WriteResult<Name extends WriteName> = ReturnType<WriteCalls[Name]>;

/** Whoever carries out the calls, wherever that is. */
export interface Writes {
  /** @throws {StoreUnavailable} */
  call<Name extends WriteName>(name: Name, arg: WriteArg<Name>): Promise<WriteResult<Name>>;
  /** Carries out what was asked for, files all messages, and closes the database. */
  close(): Promise<void>;
}

/** Carries out one call. */
export function perform<Name extends WriteName>(
  calls: WriteCalls,
  { name, arg }: { name: Name; arg: WriteArg<Name> },
): WriteResult<Name> {
  const method = calls[name] as (arg: WriteArg<Name>) => WriteResult<Name>;
  return method.call(calls, arg);
}
