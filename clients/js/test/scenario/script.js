/**
 * A scenario's file as values: its short forms written out, and the names that
 * stand for what the client chooses bound where they first follow.
 */

import assert from "node:assert/strict";
import { messageId } from "../../src/testing.js";

/** When the clock of every scenario begins. */
export const BEGINNING = 1_764_000_000_000;

const SHORT_ID = /^(-?\d+)#(\d+)$/;
const NAME = /^\$\w+$/;

/** Writes out the short forms. @param {any} value @returns {any} */
export function written(value) {
  if (typeof value === "string") {
    const [, seconds, tail] = SHORT_ID.exec(value) ?? [];
    return seconds === undefined ? value : messageId(BEGINNING + Number(seconds) * 1_000, Number(tail));
  }
  if (typeof value !== "object" || value === null) return value;
  if (typeof value.$text === "number") return "x".repeat(value.$text);
  if (Array.isArray(value)) return value.map(written);
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, written(of)]));
}

export class Names {
  /** @type {Map<string, unknown>} */
  #values = new Map();
  /** The values of one field: an `id` is a connection's, a `key` is the client's. @type {Map<string, Set<unknown>>} */
  #taken = new Map();

  /** Puts values in the place of their names. @param {any} value @returns {any} */
  resolved(value) {
    if (typeof value === "string") return NAME.test(value) ? this.#values.get(value) : value;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((one) => this.resolved(one));
    return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, this.resolved(of)]));
  }

  /**
   * What is expected, with names that are new bound to what there is.
   *
   * @param {any} expected
   * @param {any} actual
   * @param {string} [field]
   * @returns {any}
   */
  bound(expected, actual, field = "") {
    if (typeof expected === "string" && NAME.test(expected)) return this.#bind(expected, actual, field);
    if (typeof expected !== "object" || expected === null) return expected;
    if (Array.isArray(expected)) return expected.map((one, n) => this.bound(one, actual?.[n], field));
    const fields = Object.entries(expected).map(([key, of]) => {
      return [key, this.bound(of, actual?.[key], key === "key" ? key : `${field}.${key}`)];
    });
    return Object.fromEntries(fields);
  }

  /** @param {string} name @param {unknown} actual @param {string} field */
  #bind(name, actual, field) {
    if (!this.#values.has(name)) {
      assert.notEqual(actual, undefined, `nothing for ${name}`);
      const taken = this.#taken.get(field) ?? new Set();
      assert.ok(!taken.has(actual), `${name} is a value of before`);
      this.#taken.set(field, taken.add(actual));
      this.#values.set(name, actual);
    }
    return this.#values.get(name);
  }
}
