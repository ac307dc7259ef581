import { randomBytes } from "node:crypto";
import type { Cluster } from "./store.ts";

/** A name for a log: 12 characters, random. */
export const newLogName = () => randomBytes(9).toString("base64url");

/** Name, secret and log of a cluster that begins. */
export function newCluster(): Cluster {
  return {
    name: randomBytes(9).toString("base64url"),
    secret: randomBytes(32).toString("base64url"),
    log: newLogName(),
  };
}
