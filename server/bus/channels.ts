/** All nodes are subscribed to it. */
export const NODES = "nodes";
/** The channel on which wake-ups for one user travel. */
export const userChannel = (user: number) => `user:${user}`;
/** The channel on which wake-ups for the members of a group travel. */
export const groupChannel = (group: number) => `group:${group}`;
/** What the channels of a cluster begin with in Redis: several clusters can use one. */
export const prefixOf = (cluster: string) => `chat:${cluster}:`;
