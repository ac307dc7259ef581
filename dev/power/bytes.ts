/** Bytes that can be written anywhere, as a file can. */
export class Bytes {
  #buffer = new Uint8Array(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What was not written before is zero. */
  write(data: Uint8Array, offset: number): void {
    if (offset + data.length > this.#size) this.resize(offset + data.length);
    this.#buffer.set(data, offset);
  }

  resize(size: number): void {
    if (size > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(size, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = larger;
    } else if (size < this.#size) {
      this.#buffer.fill(0, size, this.#size);
    }
    this.#size = size;
  }

  /** A view of a part, which holds until the next change. */
  part(from: number, to: number): Uint8Array {
    return this.#buffer.subarray(from, Math.min(to, this.#size));
  }

  /** A copy that can grow to `room` bytes at no cost. */
  copy(room = this.#size): Bytes {
    const copy = new Bytes();
    copy.#buffer = new Uint8Array(Math.max(room, this.#size));
    copy.#buffer.set(this.#buffer.subarray(0, this.#size));
    copy.#size = this.#size;
    return copy;
  }

  /** The bytes themselves; this object must not be changed any more. */
  take(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }
}
