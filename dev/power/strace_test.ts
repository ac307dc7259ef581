import { assertEquals, assertThrows } from "@std/assert";
import { eventsOf } from "./events.ts";
import { NotUnderstood, StraceParser } from "./strace.ts";

/** Text as `strace -xx` writes it. */
const hex = (text: string) =>
  [...new TextEncoder().encode(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

const DATA = "/tmp/data";
const DB = `${DATA}/chat.db`;
const fd = (number: number, path: string) => `${number}<${path}>`;

function steps(...lines: string[]) {
  return StraceParser.read(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
}

const events = (...lines: string[]) => eventsOf(steps(...lines), DATA);

Deno.test("strace: a call, its strings, and its result", () => {
  const [begin, end, ...more] = steps(
    `12    pwrite64(${fd(7, DB)}, "${hex('a"b\n')}\\x00\\xff", 6, 512) = 6`,
    `12    +++ exited with 0 +++`,
  );
  assertEquals(more, []);
  assertEquals([begin!.phase, end!.phase, begin!.call === end!.call], ["begin", "end", true]);
  const { thread, name, args, strings, result } = begin!.call;
  assertEquals({ thread, name, args, result }, {
    ...{ thread: 12, name: "pwrite64", args: `${fd(7, DB)}, "0", 6, 512`, result: 6 },
  });
  assertEquals(strings, [new Uint8Array([0x61, 0x22, 0x62, 0x0a, 0x00, 0xff])]);
});

Deno.test("strace: calls of two threads that overlap are put together", () => {
  const all = steps(
    `1 fdatasync(${fd(7, DB)} <unfinished ...>`,
    `22 sendto(9<socket:[5]>, "${hex("hello")}", 5, MSG_NOSIGNAL, NULL, 0 <unfinished ...>`,
    `1 <... fdatasync resumed>)          = 0`,
    `22 <... sendto resumed>)            = 3`,
    `22 fsync(${fd(7, DB)} <unfinished ...>`,
    `22 <... fsync resumed> <unfinished ...>) = ?`,
    `22 +++ killed by SIGKILL +++`,
  );
  assertEquals(all.map(({ phase, call: { name, result } }) => `${phase} ${name} ${result}`), [
    ...["begin fdatasync 0", "begin sendto 3", "end fdatasync 0", "end sendto 3", "begin fsync undefined"],
  ]);
  assertEquals(text(all[1]!.call.strings[0]), "hello");
});

Deno.test("strace: what is not understood is said, not skipped", () => {
  assertThrows(() => steps(`1 pwrite64(${fd(7, DB)}, "${hex("ab")}"..., 4096, 0) = 4096`), NotUnderstood);
  assertThrows(() => steps("strace: something else"), NotUnderstood);
  assertThrows(() => steps(`1 <... fsync resumed>) = 0`), NotUnderstood);
});

Deno.test("strace: what happened to the files of the folder, and no other", () => {
  const open = (path: string, flags: string, result = fd(7, path)) =>
    `1 openat(AT_FDCWD</tmp>, "${hex(path)}", ${flags}, 0644) = ${result}`;
  const all = events(
    open(DB, "O_RDWR|O_CREAT|O_CLOEXEC"),
    open(DB, "O_RDWR|O_CREAT|O_CLOEXEC"),
    open(`${DATA}/none`, "O_RDONLY", "-1 ENOENT (No such file or directory)"),
    open("/tmp/other", "O_RDWR|O_CREAT"),
    open(`${DB}-shm`, "O_RDWR|O_CREAT"),
    `1 pwrite64(${fd(8, `${DB}-shm`)}, "${hex("x")}", 1, 0) = 1`,
    `1 pwrite64(${fd(9, "/tmp/other")}, "${hex("x")}", 1, 0) = 1`,
    `1 write(${fd(9, "/tmp/other")}, "${hex("x")}", 1) = 1`,
    // Strace may write paths in hexadecimal as well.
    `1 pwrite64(${fd(7, hex(DB))}, "${hex("abc")}", 3, 100) = 2`,
    `1 pwrite64(${fd(7, DB)}, "${hex("abc")}", 3, 100) = -1 ENOSPC (No space left on device)`,
    `1 ftruncate(${fd(7, DB)}, 50) = 0`,
    `1 fdatasync(${fd(7, DB)}) = 0`,
    `1 fsync(${fd(6, DATA)}) = 0`,
    `1 rename("${hex(DB)}", "${hex(`${DATA}/b`)}") = 0`,
    `1 unlink("${hex(`${DATA}/b`)}") = 0`,
    `1 unlink("${hex(`${DATA}/none`)}") = -1 ENOENT (No such file or directory)`,
  );
  assertEquals(
    all.filter(({ kind }) => kind === "begin").map((event) => "operation" in event && event.operation),
    [
      { kind: "create", path: DB },
      { kind: "write", path: DB, offset: 100, data: new TextEncoder().encode("ab") },
      { kind: "resize", path: DB, size: 50 },
      { kind: "sync", path: DB },
      { kind: "sync", path: DATA },
      { kind: "rename", path: DB, to: `${DATA}/b` },
      { kind: "remove", path: `${DATA}/b` },
    ],
  );
  assertEquals(all.filter(({ kind }) => kind === "end").length, 7);
});

Deno.test("strace: calls that change the files in a way that is not known are an error", () => {
  for (
    const line of [
      `1 write(${fd(7, DB)}, "${hex("abc")}", 3) = 3`,
      `1 pwritev(${fd(7, DB)}, [{iov_base="${hex("abc")}", iov_len=3}], 1, 0) = 3`,
      `1 copy_file_range(${fd(3, "/tmp/other")}, NULL, ${fd(7, DB)}, NULL, 10, 0) = 10`,
      `1 link("/tmp/other", "${hex(DB)}") = 0`.replace("/tmp/other", hex("/tmp/other")),
      `1 openat(AT_FDCWD</tmp>, "${hex(DB)}", O_RDWR|O_DSYNC) = ${fd(7, DB)}`,
      `1 sync() = 0`,
    ]
  ) assertThrows(() => events(line), NotUnderstood, "dev/power/events.ts");
});

Deno.test("strace: acknowledgements, in whatever parts they are sent", () => {
  const ack = (mid: string, seq: number) => `{"msgid":12,"mid":"${mid}","conv":"u1-2","seq":${seq},"at":5}\n`;
  const send = (socket: number, data: string, sent = data.length) =>
    `1 sendto(${9 + socket}<socket:[${socket}]>, "${
      hex(data)
    }", ${data.length}, MSG_NOSIGNAL, NULL, 0) = ${sent}`;
  const whole = ack("a", 1) + '{"msgid":6,"msg":"{\\"msgid\\":12,"}\n' + ack("b", 2);
  const seqs = (...lines: string[]) =>
    events(...lines).map((event) => event.kind === "acknowledged" ? event.message.seq : event.kind);
  assertEquals(seqs(send(1, whole)), [1, 2]);
  assertEquals(seqs(send(1, whole.slice(0, 20)), send(2, ack("c", 3)), send(1, whole.slice(20))), [3, 1, 2]);
  // Not all of it was sent at once.
  assertEquals(seqs(send(1, whole, 20), send(2, ack("c", 3)), send(1, whole.slice(20))), [3, 1, 2]);
  // From the beginning of the call on the client may know, whatever happens before the call returns.
  assertEquals(
    seqs(
      `1 writev(10<socket:[1]>, [{iov_base="${hex(ack("a", 1))}", iov_len=50}], 1 <unfinished ...>`,
      `2 fdatasync(${fd(7, DATA)}) = 0`,
      `1 <... writev resumed>) = ${ack("a", 1).length}`,
    ),
    [1, "begin", "end"],
  );
});
