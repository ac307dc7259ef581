import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { Refusal } from "../errors.ts";
import { openSqlite } from "../stores/sqlite/open.ts";
import { Auth } from "./auth.ts";
import { LoginThrottle } from "./login_throttle.ts";
import { Passwords } from "./passwords.ts";
import { system } from "../system.ts";

const DAY = 24 * 60 * 60 * 1000;

Deno.test("passwords: salted, with their cost beside them, right and wrong", async () => {
  const passwords = new Passwords({ cost: 10, atOnce: 2 });
  const [one, two] = [await passwords.hash("secret"), await passwords.hash("secret")];
  assertNotEquals(one, two);
  assert(/^scrypt\$10\$8\$1\$[\w-]{22}\$[\w-]{43}$/.test(one), one);
  assertEquals(await passwords.verify("secret", one), true);
  assertEquals(await passwords.verify("Secret", one), false);
  assertEquals(await passwords.verify("secret", undefined), false);
  assertEquals(await passwords.verify("secret", "plain text of an older server"), false);
  assertEquals(
    await passwords.verify("e\u0301", await passwords.hash("\u00e9")),
    true,
    "however it was typed",
  );
  const dearer = new Passwords({ cost: 11, atOnce: 2 });
  assertEquals([dearer.isOutdated(one), passwords.isOutdated(one)], [true, false]);
  assertEquals(await dearer.verify("secret", one), true);
});

Deno.test("passwords: the answer is the one that RFC 7914 gives", async () => {
  const expected = "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162";
  const key = Uint8Array.fromHex(expected).toBase64({ alphabet: "base64url", omitPadding: true });
  const salt = new TextEncoder().encode("NaCl").toBase64({ alphabet: "base64url", omitPadding: true });
  const passwords = new Passwords({ cost: 10, atOnce: 1 });
  assertEquals(await passwords.verify("password", `scrypt$10$8$16$${salt}$${key}`), true);
});

Deno.test("passwords: no more at once than allowed, and none left behind", async () => {
  const passwords = new Passwords({ cost: 10, atOnce: 1 });
  const hashes = await Promise.all(Array.from({ length: 8 }, (_, i) => passwords.hash(`${i}`)));
  const right = await Promise.all(hashes.map((hash, i) => passwords.verify(`${i}`, hash)));
  assertEquals(right, hashes.map(() => true));
});

Deno.test("throttle: refuses after the limit until the window has passed; success forgets", () => {
  let now = 0;
  const throttle = new LoginThrottle({ limit: 2, window: 1000, now: () => now });
  throttle.failed("a");
  throttle.failed("a");
  throttle.check("b");
  assertThrows(() => throttle.check("a"), Refusal, "too many");
  now = 1000;
  throttle.check("a");
  throttle.failed("a");
  throttle.succeeded("a");
  throttle.failed("a");
  throttle.check("a");
});

Deno.test("tokens: last 30 days, are renewed in the second half, and are stored hashed", async () => {
  let now = 1_000_000;
  const store = await openSqlite({ path: ":memory:", durability: "full", now: () => now });
  const auth = new Auth({
    accounts: store.accounts,
    passwords: new Passwords({ cost: 10, atOnce: 2 }),
    throttle: new LoginThrottle({ limit: 5, window: 1000, now: () => now }),
    system: { ...system, now: () => now },
  });
  const id = await auth.register("ann", "secret");
  await assertRejects(() => auth.register("ann", "other"), Refusal, "taken");
  const token = await auth.issueToken({ user: id, device: "" });
  assertEquals(
    await store.accounts.findToken(token, now),
    undefined,
    "the token itself is not what is stored",
  );
  assertEquals(await auth.authenticate({ token }), { id, name: "ann", token });
  now += 16 * DAY;
  assertEquals(await auth.authenticate({ token }), { id, name: "ann" }, "so the login issues a new one");
  now += 14 * DAY;
  await assertRejects(() => auth.authenticate({ token }), Refusal);
  await assertRejects(() => auth.authenticate({ id, name: "bob", password: "secret" }), Refusal);
  assertEquals(await auth.authenticate({ id, name: "ann", password: "secret" }), { id, name: "ann" });
  await store.close();
});

Deno.test("names: one that looks like another is taken; however it is typed, it is the same one", async () => {
  const store = await openSqlite({ path: ":memory:", durability: "full" });
  const auth = new Auth({
    accounts: store.accounts,
    passwords: new Passwords({ cost: 10, atOnce: 2 }),
    throttle: new LoginThrottle({ limit: 5, window: 1000, now: Date.now }),
    system,
  });
  const id = await auth.register("Am\u00e9lie", "secret");
  // Cyrillic А; r and n for m; an emoji that is joined, and the same signs one by one.
  await auth.register("\u{1f469}\u200d\u{1f4bb}", "secret");
  for (const alike of ["\u0410m\u00e9lie", "Arn\u00e9lie", "\u{1f469}\u{1f4bb}"]) {
    await assertRejects(() => auth.register(alike, "secret"), Refusal, "looks like");
  }
  await auth.register("amelie", "secret");
  assertEquals((await auth.authenticate({ name: "Ame\u0301lie", password: "secret" })).id, id);
  // Accounts that are older than the rule stay, whatever they look like.
  const old = await store.accounts.create("\u0410m\u00e9lie", "x");
  assert(old !== undefined && old !== id);
  await store.close();
});

Deno.test("passwords: a login with an older cost stores a new hash", async () => {
  const store = await openSqlite({ path: ":memory:", durability: "full" });
  const throttle = new LoginThrottle({ limit: 5, window: 1000, now: Date.now });
  const auth = (cost: number) =>
    new Auth({
      accounts: store.accounts,
      passwords: new Passwords({ cost, atOnce: 2 }),
      throttle,
      system,
    });
  await auth(10).register("ann", "secret");
  await auth(11).authenticate({ name: "ann", password: "secret" });
  assert((await store.accounts.find({ name: "ann" }))?.password.startsWith("scrypt$11$"));
  await auth(11).authenticate({ name: "ann", password: "secret" });
  await store.close();
});
