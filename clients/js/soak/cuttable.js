/**
 * A WebSocket whose line can be cut: what is under way in either direction is
 * lost, and the client hears of the end a moment later, as from a network.
 *
 * It is what the client is given, and wraps a real one.
 */

/**
 * @param {new (url: string, protocols: string[]) => any} Real
 * @param {(socket: { cut: () => void, over: () => boolean }) => void} made
 */
export function cuttable(Real, made) {
  return class {
    /** @type {((event: any) => void) | null} */ onopen = null;
    /** @type {((event: any) => void) | null} */ onmessage = null;
    /** @type {((event: any) => void) | null} */ onerror = null;
    /** @type {((event: any) => void) | null} */ onclose = null;
    #real;
    #cut = false;

    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      const real = new Real(url, protocols);
      this.#real = real;
      real.onopen = (/** @type {any} */ event) => this.#cut || this.onopen?.(event);
      real.onmessage = (/** @type {any} */ event) => this.#cut || this.onmessage?.(event);
      real.onerror = (/** @type {any} */ event) => this.#cut || this.onerror?.(event);
      real.onclose = (/** @type {any} */ event) => this.onclose?.(event);
      made({ cut: () => this.#lose(), over: () => real.readyState > 1 });
    }

    /** @param {string} text */
    send(text) {
      if (!this.#cut) this.#real.send(text);
    }

    /** @param {number} [code] */
    close(code) {
      this.#real.close(code);
    }

    #lose() {
      this.#cut = true;
      this.#real.close();
    }
  };
}
