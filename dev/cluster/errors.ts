/** The cluster cannot be; the message is one sentence for the person who typed the command. */
export class ClusterError extends Error {
  override name = "ClusterError";
}
