import { type Fault, pause } from "./fault.ts";

const SPLIT = 15_000;

export const SERVICE_FAULTS: readonly Fault[] = [
  {
    name: "restart-redis",
    about: "kill -9 Redis and start it again",
    part: "redis",
    async inject({ redis }, random) {
      await redis.kill("SIGKILL");
      await pause(random.between(0, 500));
      await redis.start();
    },
  },
  {
    name: "cut-pubsub",
    about: "CLIENT KILL TYPE pubsub, a few times",
    part: "redis",
    async inject({ redis }, random) {
      for (let i = 0; i < 4; i++) {
        await redis.cli("CLIENT", "KILL", "TYPE", "pubsub");
        await pause(random.between(200, 1200));
      }
    },
  },
  {
    name: "redis-away",
    about: "no Redis for 30 s (8 s in a short run)",
    part: "redis",
    async inject({ redis, long }) {
      await redis.kill("SIGKILL");
      await pause(long ? 30_000 : 8000);
      await redis.start();
    },
  },
  {
    name: "split-redis",
    about: "one node talks to another Redis for 15 s: neither node hears the other",
    part: "redis",
    async inject({ redis, otherRedis, redisProxies }, random) {
      const proxy = random.pick(redisProxies);
      proxy.lead(otherRedis.port);
      await pause(SPLIT);
      proxy.lead(redis.port);
    },
  },
  {
    name: "restart-mariadb",
    about: "restart MariaDB as its operator would",
    part: "mariadb",
    async inject({ db }) {
      await db.restart();
    },
  },
  {
    name: "kill-mariadb",
    about: "kill -9 MariaDB while it commits, start it again after 1 s",
    part: "mariadb",
    async inject({ db }, random) {
      await pause(random.between(0, 200));
      await db.kill("SIGKILL");
      await pause(1000);
      await db.start();
    },
  },
  {
    name: "reload-nginx",
    about: "nginx -s reload, three times",
    part: "nginx",
    async inject({ nginx }, random) {
      for (let i = 0; i < 3; i++) {
        await nginx.reload();
        await pause(random.between(200, 800));
      }
    },
  },
  {
    name: "restart-nginx",
    about: "restart nginx: every connection breaks",
    part: "nginx",
    async inject({ nginx }) {
      await nginx.restart();
    },
  },
];
