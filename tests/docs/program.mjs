/**
 * A program of a page, started as a reader would in a terminal.
 *
 * What it prints is kept in the order in which it came, both streams together,
 * and every wait for it is bounded. It leads a group of processes, so that what
 * it started ends with it.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { endOf, tidy } from "./expected.mjs";

const STOP_MS = 10_000;

export class Program {
  #child;
  #ended;
  #printed = "";
  #taken = 0;
  #name;

  constructor(name, command, arguments_, { cwd, env }) {
    this.#name = name;
    this.#child = spawn(command, arguments_, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.#printed += text;
        this.#child.emit("printed");
      });
    }
    // "close" rather than "exit": then all that was printed has come.
    this.#ended = once(this.#child, "close").then(([code, signal]) => code ?? signal);
  }

  get printed() {
    return this.#printed;
  }

  /** How it ended. */
  ended(ms) {
    return within(ms, this.#ended, () => `${this.#name} goes on after ${ms / 1000} s:\n${this.#printed}`);
  }

  /** Waits until the expected text is what it printed next. */
  async prints(expected, ms) {
    const all = () => tidy(this.#printed).slice(this.#taken);
    let over = false;
    const end = this.#ended.then(() => {
      over = true;
    });
    const watch = async () => {
      for (;;) {
        const until = endOf(expected, all());
        if (until !== null) {
          this.#taken += until;
          return;
        }
        if (over) throw new Error(`${this.#name} ended without printing\n${expected}but printed\n${all()}`);
        await Promise.race([once(this.#child, "printed"), end]);
      }
    };
    await within(ms, watch(), () => `${this.#name} was to print\n${expected}but printed\n${all()}`);
  }

  async stop() {
    this.#signal("SIGINT");
    await within(STOP_MS, this.#ended, () => `${this.#name} does not stop`).finally(() => this.#signal("SIGKILL"));
  }

  #signal(name) {
    try {
      process.kill(-this.#child.pid, name);
    } catch (fault) {
      if (fault.code !== "ESRCH") throw fault;
    }
  }
}

function within(ms, promise, complaint) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint())), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
