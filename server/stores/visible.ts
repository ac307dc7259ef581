/** What of a conversation a user may read. */
export interface View {
  readonly conv: string;
  /** Entries up to this number are not the user's. */
  readonly joined: number;
}

/**
 * The conversations that a user may read, and how much of each: rows of {@linkcode View}. Parameter: the user. Runs on
 * every store; whatever a user may read by searching is decided here and in {@linkcode isVisible}.
 */
export const VIEWS = "SELECT progress.conv, progress.joined FROM progress WHERE progress.userid = ?";

/** Whether the entry with this number is part of a view. */
export const isVisible = (view: View, seq: number): boolean => seq > view.joined;
