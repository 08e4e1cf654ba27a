/**
 * One Socket.IO server, attached to Redis: clients join rooms, and what is published to a room reaches its
 * members on every server.
 *
 * Socket.IO's own defaults but one: WebSocket only, so no polling. Compression is off by default. It prints one
 * line of JSON when it listens.
 */
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const publisher = createClient({ socket: { host: "127.0.0.1", port: Number(process.env.REDIS_PORT) } });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(publisher, subscriber),
  transports: ["websocket"],
  perMessageDeflate: false,
});

io.on("connection", (socket) => {
  socket.on("join", async (room, done) => {
    await socket.join(room);
    done();
  });
  socket.on("publish", (room, data) => io.to(room).emit("message", data));
});

http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(JSON.stringify({ event: "ready", port: http.address().port, pid: process.pid }));
});
