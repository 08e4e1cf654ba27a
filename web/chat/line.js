/**
 * A line to the service that can be unplugged, as a laptop's can.
 *
 * The client's WebSocket goes through it, so that unplugging looks to the
 * client like any lost network: open sockets end, and none can be made.
 */

export class Line {
  /** @type {Set<WebSocket>} */
  #sockets = new Set();
  #plugged = true;

  constructor() {
    const line = this;
    /** To be given to the client. */
    this.WebSocket = class extends WebSocket {
      /** @param {string} url @param {string[]} protocols */
      constructor(url, protocols) {
        if (!line.#plugged) throw new Error("the line is unplugged");
        super(url, protocols);
        line.#sockets.add(this);
        this.addEventListener("close", () => line.#sockets.delete(this));
      }
    };
  }

  get plugged() {
    return this.#plugged;
  }

  plug() {
    this.#plugged = true;
  }

  unplug() {
    this.#plugged = false;
    for (const socket of this.#sockets) {
      // A lost line tells at once; a close would wait for the other side first.
      const lost = socket.onclose;
      socket.onclose = null;
      socket.close();
      lost?.call(socket, new CloseEvent("close", { code: 1006 }));
    }
  }
}
