import type { Role } from "../protocol/messages.ts";
import type { GroupRow } from "./store.ts";

/** One member of one group, as a query gives it. */
export interface MemberRow {
  groupid: number;
  groupname: string;
  groupdesc: string;
  id: number;
  name: string;
  role: Role;
}

/** Folds one row a member into one object a group; rows of a group stand together. */
export function groupRows(rows: readonly MemberRow[]): GroupRow[] {
  const groups: (GroupRow & { members: { id: number; name: string; role: Role }[] })[] = [];
  for (const { groupid, groupname, groupdesc, id, name, role } of rows) {
    let group = groups.at(-1);
    if (group?.id !== groupid) {
      group = { id: groupid, name: groupname, description: groupdesc, members: [] };
      groups.push(group);
    }
    group.members.push({ id, name, role });
  }
  return groups;
}
