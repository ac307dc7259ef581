/** Emoji as they are meant to be written; some of them join others by characters that are invisible by themselves. */
const EMOJI = /\p{RGI_Emoji}/gv;
/** Format characters, among them those that change the direction, and everything else that shows nothing. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Whether nothing in a text is invisible or changes the direction of writing, other than in emoji. */
export function isVisible(text: string): boolean {
  return !INVISIBLE.test(text.replace(EMOJI, ""));
}
