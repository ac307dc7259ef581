/** Longest names and passwords, in Unicode code points: what the server takes from clients. */
export const LONGEST_NAME = 50;
export const LONGEST_DESCRIPTION = 200;
export const LONGEST_PASSWORD = 256;

// deno-lint-ignore no-control-regex -- control characters are exactly what this is about
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A name or description as it can be stored and shown; `changes` says in words what had to be changed. */
export function usableLabel(label: string, longest: number): { text: string; changes: string[] } {
  const changes: string[] = [];
  let text = label.replaceAll(CONTROL, "\ufffd");
  if (text !== label) changes.push("control characters replaced");
  const characters = [...text];
  if (characters.length > longest) {
    text = characters.slice(0, longest).join("");
    changes.push(`cut to ${longest} characters`);
  }
  return { text, changes };
}

/** The name with the id behind it, still short enough. */
export function withId(name: string, id: number): string {
  const end = `_${id}`;
  return [...name.replace(/ +$/, "")].slice(0, LONGEST_NAME - end.length).join("") + end;
}
