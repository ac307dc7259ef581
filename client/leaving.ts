/** Bounds of leaving, in ms: for what is under way, after an interrupt, and for the answer to LOGOUT. */
export const LEAVE_WITHIN = 5000;
export const INTERRUPT_WITHIN = 1000;
export const LOGOUT_WITHIN = 2000;

/** On the way out, to the menu or for good. */
export interface Leaving {
  readonly to: "menu" | "exit";
  /** Whether messages that are still coming in are waited for. */
  readonly patient: boolean;
  /** Whether lines that are still typed or piped are ignored. */
  readonly deaf: boolean;
  cancel: () => void;
  loggingOut: boolean;
}
