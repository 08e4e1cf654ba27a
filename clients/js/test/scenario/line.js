/**
 * The service's side of a scenario: sockets that do nothing until a step says
 * so, and a note of all that the client did to them.
 *
 * Not the fake service for users' tests, which answers by itself.
 */

/**
 * @typedef {{ onopen: Function | null, onmessage: Function | null, onclose: Function | null }} Handlers
 */

export class Line {
  /** What the client did since the last step. */
  did = this.#nothing();
  /** @type {Map<string, { socket: Handlers, open: boolean, over: boolean }>} */
  #connections = new Map();

  constructor() {
    const line = this;
    /** The class to give to the client. */
    this.WebSocket = class {
      /** @type {Function | null} */ onopen = null;
      /** @type {Function | null} */ onmessage = null;
      /** @type {Function | null} */ onclose = null;
      #name;
      /** @param {string} url @param {string[]} protocols */
      constructor(url, protocols) {
        this.#name = line.#dialled(this, url, protocols);
      }
      /** @param {string} text */
      send(text) {
        line.did.sends.push({ [this.#name]: JSON.parse(text) });
      }
      close() {
        line.#closed(this.#name);
      }
    };
  }

  /** What was done since it was asked last. */
  taken() {
    const { did } = this;
    this.did = this.#nothing();
    return did;
  }

  /** @param {string} name */
  opens(name) {
    this.#connection(name).open = true;
    this.#connection(name).socket.onopen?.({});
  }

  /** @param {string} name */
  ends(name) {
    const connection = this.#connection(name);
    connection.over = true;
    connection.socket.onclose?.({ code: 1006 });
  }

  /** @param {string} name @param {unknown} frame */
  sends(name, frame) {
    const data = typeof frame === "string" ? frame : JSON.stringify(frame);
    this.#connection(name).socket.onmessage?.({ data });
  }

  #nothing() {
    return {
      dials: /** @type {object[]} */ ([]),
      sends: /** @type {Record<string, any>[]} */ ([]),
      closes: /** @type {string[]} */ ([]),
    };
  }

  /** @param {string} name */
  #connection(name) {
    const connection = this.#connections.get(name);
    if (!connection) throw new Error(`there is no ${name} yet`);
    return connection;
  }

  /** @param {Handlers} socket @param {string} url @param {string[]} protocols */
  #dialled(socket, url, [protocol, token = ""]) {
    const name = `c${this.#connections.size + 1}`;
    this.#connections.set(name, { socket, open: false, over: false });
    const region = url.replace("wss://", "");
    if (protocol !== "sorl.v1") throw new Error(`${protocol} is no protocol of ours`);
    this.did.dials.push({ [name]: region, token: token.split(".").at(-1) });
    return name;
  }

  /** @param {string} name */
  #closed(name) {
    const connection = this.#connection(name);
    if (!connection.over) this.did.closes.push(name);
    connection.over = true;
  }
}
