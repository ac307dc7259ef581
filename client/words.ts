/** A word as it was typed. */
export interface Word {
  readonly text: string;
  /** It stood between quotes: a name and nothing else, whatever it looks like. */
  readonly quoted: boolean;
}

/** A word: up to the next space, or `"anything between quotes"`. */
const WORD = /^\s*(?:"([^"]*)"(?=\s|$)|(\S+))/;

/**
 * The first words of a line, and what follows them as it is. Undefined if there are not so many.
 */
export function words(line: string, count: number): { found: Word[]; rest: string } | undefined {
  const found: Word[] = [];
  let rest = line;
  for (; found.length < count;) {
    const match = WORD.exec(rest);
    if (!match) return undefined;
    const [all, quoted, plain] = match;
    found.push({ text: quoted ?? plain ?? "", quoted: quoted !== undefined });
    rest = rest.slice(all.length);
  }
  return { found, rest: rest.trim() };
}

/** Somebody, by id or by name. */
export type Person = { readonly id: number } | { readonly name: string };
/** A group, by id or by the name of one of one's own. */
export type Room = { readonly group: number } | { readonly groupName: string };

/** A whole number from 1 up, as it is written for an id; undefined for anything else. */
export function toId(text: string): number | undefined {
  if (!/^[1-9]\d*$/.test(text)) return undefined;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : undefined;
}

/** `#2` is an id, everything else a name: there may be somebody who is called 2. Undefined for an id that nobody has. */
export function person({ text, quoted }: Word): Person | undefined {
  if (quoted || !/^#\d+$/.test(text)) return text === "" ? undefined : { name: text };
  const id = toId(text.slice(1));
  return id === undefined ? undefined : { id };
}

/** `g5`, `#5` and `5` are ids of a group; everything else is its name, and so is `g:5`. */
export function room({ text, quoted }: Word): Room | undefined {
  const [, id] = quoted ? [] : /^(?:g|#)?(\d+)$/.exec(text) ?? [];
  if (id !== undefined) {
    const group = toId(id);
    return group === undefined ? undefined : { group };
  }
  const groupName = !quoted && text.startsWith("g:") ? text.slice(2) : text;
  return groupName === "" ? undefined : { groupName };
}

/** `g5` and `g:name` are groups, everything else is somebody. */
export function place(word: Word): Person | Room | undefined {
  return !word.quoted && /^g(\d+$|:)/.test(word.text) ? room(word) : person(word);
}
