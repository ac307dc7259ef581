import { assertEquals } from "@std/assert";
import { createHmac } from "node:crypto";
import { Mac, MAC_LENGTH } from "./mac.ts";

Deno.test("mac: is HMAC-SHA-256, cut to 128 bits", () => {
  for (const secret of ["", "k", "x".repeat(63), "x".repeat(64), "x".repeat(65), "ключ".repeat(40)]) {
    const mac = new Mac(secret);
    for (const text of ["", "{}", "👩‍👩‍👧", "y".repeat(100_000)]) {
      const whole = createHmac("sha256", secret).update(text).digest();
      assertEquals(mac.of(text), whole.subarray(0, 16).toString("hex"));
      assertEquals(mac.of(text).length, MAC_LENGTH);
      assertEquals(mac.verifies(mac.of(text), text), true);
    }
  }
});

Deno.test("mac: another text, another secret, another length do not verify", () => {
  const mac = new Mac("secret");
  const code = mac.of("text");
  assertEquals(mac.verifies(code, "Text"), false);
  assertEquals(new Mac("Secret").verifies(code, "text"), false);
  for (
    const wrong of [
      "",
      code.slice(1),
      code + "A",
      code.slice(0, -2) + "zz",
      "\0".repeat(32),
      code.toUpperCase(),
    ]
  ) {
    assertEquals(mac.verifies(wrong, "text"), false, JSON.stringify(wrong));
  }
});
