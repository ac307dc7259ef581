import { Errno, Refusal } from "../errors.ts";
import { Msg } from "../protocol/msgid.ts";
import { answering, type Frame } from "../protocol/schemas.ts";
import {
  type DeviceRow,
  type LeaseStore,
  MAX_DEVICES,
  type Store,
  type UserDevice,
} from "../stores/store.ts";
import type { System } from "../system.ts";
import type { Leases } from "./leases.ts";
import type { Session } from "./sessions.ts";

/** A device that has not been used for so long is forgotten, in ms. */
const UNUSED = 90 * 24 * 60 * 60 * 1000;

/** The devices of users: those that have a name are known, each with cursors and tokens of its own. */
export class Devices {
  readonly #store: Store["devices"];
  readonly #leases: Pick<LeaseStore, "of">;
  readonly #sessions: Pick<Leases, "endDevice">;
  readonly #now: System["now"];

  constructor(
    options: {
      store: Pick<Store, "devices" | "leases">;
      leases: Pick<Leases, "endDevice">;
      system: Pick<System, "now">;
    },
  ) {
    this.#store = options.store.devices;
    this.#leases = options.store.leases;
    this.#sessions = options.leases;
    this.#now = options.system.now;
  }

  /**
   * A device logs in. Those of its user that have not been used for a long time are forgotten.
   * @throws {Refusal} errno 113 if it is a new one, and the user has too many.
   */
  async enter(device: UserDevice, client: string): Promise<void> {
    const seen = this.#now();
    let { isFull, before } = await this.#store.enter({ ...device, client, seen });
    if (await this.#forgetUnused(before, { device, seen }) > 0) {
      ({ isFull } = await this.#store.enter({ ...device, client, seen }));
    }
    if (isFull) {
      throw new Refusal(Errno.FULL, `you have ${MAX_DEVICES} devices: end one of them first`);
    }
  }

  /** A device's session ends. */
  async leave({ user, device }: Session): Promise<void> {
    await this.#store.leave({ user: user.id, device, seen: this.#now() });
  }

  /** @throws {Refusal} errno 100 or 109, or 108 if the device's session does not end. */
  async handle(session: Session, frame: Frame<typeof Msg.DEVICES>): Promise<void> {
    if (frame.do === "end") await this.#endOne(session, frame.device);
    session.peer.reply({
      msgid: Msg.DONE,
      ref: Msg.DEVICES,
      ...answering(frame),
      devices: await this.#list(session.user.id),
    });
  }

  async #endOne(session: Session, device: string | undefined): Promise<void> {
    if (device === undefined) throw new Refusal(Errno.BAD_FRAME, '"device" is missing');
    if (device === session.device) {
      throw new Refusal(Errno.NOT_ALLOWED, "this is the device that you use: log out instead");
    }
    await this.end({ user: session.user.id, device });
  }

  /**
   * Ends a device: its session wherever it is, its tokens, and what is known of it.
   * @throws {Refusal} errno 108 if the session does not end.
   */
  async end(device: UserDevice): Promise<void> {
    try {
      await this.#sessions.endDevice(device, () => this.#store.forget(device));
    } catch (error) {
      if (!(error instanceof Refusal && error.errno === Errno.LOGGED_IN)) throw error;
      throw new Refusal(Errno.NOT_STORED, "the device's session has not ended yet, try again", {
        retryMs: 1000,
      });
    }
  }

  /** Those that have names; the nameless one while it is logged in. */
  async #list(user: number) {
    const [known, leases] = await Promise.all([this.#store.list(user), this.#leases.of(user)]);
    const online = new Set(leases.map(({ device }) => device));
    const nameless = online.has("") ? [{ device: "", client: "", seen: this.#now() }] : [];
    return [...nameless, ...known].map(({ device, client, seen }) => ({
      device,
      client,
      seen,
      online: online.has(device),
    }));
  }

  /** How many were forgotten; the device that logs in is one of them if it was unused itself. */
  async #forgetUnused(
    known: readonly DeviceRow[],
    { device: { user, device: own }, seen: now }: { device: UserDevice; seen: number },
  ): Promise<number> {
    const unused = known.filter(({ seen }) => seen < now - UNUSED);
    if (unused.length === 0) return 0;
    const online = new Set((await this.#leases.of(user)).map(({ device }) => device));
    const forgotten = unused.filter(({ device }) => device === own || !online.has(device));
    for (const { device } of forgotten) await this.#store.forget({ user, device });
    return forgotten.length;
  }
}
