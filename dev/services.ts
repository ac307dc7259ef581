/**
 * Throwaway servers for tests and benchmarks, as disposable resources:
 *
 * ```ts
 * await using db = await startMariaDb();
 * await using redis = await startRedis();
 * await using nginx = await startNginx({ upstreams: [6000, 6002] });
 * ```
 *
 * Each listens on a loopback port of its own, keeps everything in a temporary folder that goes with it, and answers
 * when its promise resolves. None outlives the process that started it, however that one ends (on Linux; elsewhere
 * only disposing ends it).
 */
export { type Daemon } from "./services/process.ts";
export { DaemonError, PortTakenError } from "./services/errors.ts";
export { freePort } from "./services/port.ts";
export { ensureServices, haveServices, ServicesMissingError } from "./services/install.ts";
export { type MariaDb, type MariaDbOptions, startMariaDb } from "./services/mariadb.ts";
export { type Nginx, type NginxOptions, renderNginxConfig, startNginx } from "./services/nginx.ts";
export { type Redis, type RedisOptions, startRedis } from "./services/redis.ts";
