/**
 * Loaded before a page's JavaScript: gives Node 20 the `WebSocket` that pages
 * and Node 22 have, so that one snippet serves all three.
 */

import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket;
