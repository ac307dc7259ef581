import type { Kind } from "../protocol/kinds.ts";

/** The kind of entries that can be found by their text. */
export const SEARCHED: Kind = "chat";

/** How letters are compared: the same for every store, without regard to case, as Unicode has it for all languages. */
const folded = (text: string) => text.toLowerCase();

/** What is searched for. */
export interface Needle {
  /** As it stands in a body, a JSON string literal, folded: each body that matches has it, whatever its case. */
  readonly literal: string;
  /** Whether a body, see `LogMessage.body`, has a text that holds what is searched for. */
  matches(body: string): boolean;
}

/** Every character stands for itself. */
export function needleOf(text: string): Needle {
  const wanted = folded(text);
  return {
    literal: JSON.stringify(wanted).slice(1, -1),
    matches: (body) => folded(textOf(body)).includes(wanted),
  };
}

/** The text of a body; a text that was recalled has none. */
function textOf(body: string): string {
  if (!body.startsWith('"')) return "";
  return body.includes("\\") ? JSON.parse(body) : body.slice(1, -1);
}
