/**
 * One WebSocket to the fake service: its client's end, which looks like a
 * browser's, and the service's end, which the test holds.
 *
 * Frames pass as texts, so what is not JSON does not pass, and each arrives in
 * a turn of its own, as over a network.
 */

/**
 * @typedef {Record<string, any> & { action: string, id: number }} Request
 */

/** The client's end. */
class FakeSocket {
  /** @type {((event: any) => void) | null} */ onopen = null;
  /** @type {((event: any) => void) | null} */ onmessage = null;
  /** @type {((event: any) => void) | null} */ onerror = null;
  /** @type {((event: any) => void) | null} */ onclose = null;
  #connection;

  /** @param {FakeConnection} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /** @param {string} text */
  send(text) {
    this.#connection.accept(text);
  }

  /** @param {number} [code] */
  close(code = 1000) {
    this.#connection.end(code);
  }
}

export class FakeConnection {
  /** Every frame that came, in order. @type {Request[]} */
  received = [];
  open = false;
  /** The channels it is a member of. @type {Set<string>} */
  channels = new Set();
  #ended = false;
  /** How many frames were taken, by action. @type {Map<string, number>} */
  #taken = new Map();
  /** @type {{ action: string, resolve: (frame: Request) => void }[]} */
  #waiting = [];
  #handle;

  /**
   * @param {{ region: string, protocols: string[], user: string,
   *   handle: (connection: FakeConnection, frame: Request) => void }} parts
   */
  constructor({ region, protocols, user, handle }) {
    this.region = region;
    /** The subprotocols that the client offered. */
    this.protocols = protocols;
    this.user = user;
    this.#handle = handle;
    this.socket = new FakeSocket(this);
  }

  /** Lets the handshake succeed. @param {() => void} opened */
  welcome(opened) {
    this.#later(() => {
      this.open = true;
      this.socket.onopen?.({});
      opened();
    });
  }

  /** Sends any frame. @param {unknown} frame */
  send(frame) {
    const data = typeof frame === "string" ? frame : JSON.stringify(frame);
    this.#later(() => this.socket.onmessage?.({ data }));
  }

  /** @param {Request} request @param {unknown} result */
  reply({ id }, result) {
    this.send({ type: "reply", id, result });
  }

  /** @param {Request} request @param {string} code @param {boolean} [temporary] */
  error({ id }, code, temporary = false) {
    this.send({ type: "error", id, error: { code, message: `it is ${code}`, temporary } });
  }

  /** @param {...object} messages */
  messages(...messages) {
    this.send({ type: "messages", messages });
  }

  /** The connection is lost, or was closed. */
  end(code = 1006) {
    if (this.#ended) return;
    this.#ended = true;
    queueMicrotask(() => {
      this.open = false;
      this.socket.onclose?.({ code });
    });
  }

  /**
   * The next frame with that action that was not taken before; it waits for one.
   *
   * @param {string} action
   * @returns {Promise<Request>}
   */
  next(action) {
    const taken = this.#taken.get(action) ?? 0;
    this.#taken.set(action, taken + 1);
    const there = this.received.filter((frame) => frame.action === action)[taken];
    if (there) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiting.push({ action, resolve }));
  }

  /** A text from the client came. @param {string} text */
  accept(text) {
    if (this.#ended) return;
    const frame = JSON.parse(text);
    this.received.push(frame);
    const waiting = this.#waiting.findIndex(({ action }) => action === frame.action);
    if (waiting >= 0) this.#waiting.splice(waiting, 1)[0]?.resolve(frame);
    this.#handle(this, frame);
  }

  /** @param {() => void} run unless it has ended by then */
  #later(run) {
    queueMicrotask(() => {
      if (!this.#ended) run();
    });
  }
}
