import { createHash } from "node:crypto";
import unhomoglyph from "unhomoglyph";

/**
 * What a name looks like, as a SHA-256 in hex: names that can be taken for each other have the same one. The skeleton of
 * Unicode's UTS #39 (https://www.unicode.org/reports/tr39/#Confusable_Detection), with what is invisible left out.
 */
export function skeletonOf(name: string): string {
  const visible = name.normalize("NFD").replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "");
  return createHash("sha256").update(unhomoglyph(visible).normalize("NFD")).digest("hex");
}
