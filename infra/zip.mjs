/**
 * Writes a zip that depends on nothing but its contents: the same files give the same bytes, so that an unchanged
 * function is not deployed again.
 *
 * Not a general archiver: few small files, no folders, no ZIP64.
 */
import { crc32, deflateRawSync } from "node:zlib";

/** 1980-01-01 00:00, the first time that a zip can name. */
const TIME = 0;
const DATE = 0x21;
const MADE_BY_UNIX = 0x0314;
const DEFLATE = 8;
const REGULAR_FILE = 0o100000;

/** @param {{name: string, mode: number, bytes: Buffer}[]} files @returns {Buffer} */
export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const file of files) {
    const { local, central, body } = entry(file, offset);
    parts.push(local, body);
    directory.push(central);
    offset += local.length + body.length;
  }
  const central = Buffer.concat(directory);
  return Buffer.concat([...parts, central, end(files.length, central.length, offset)]);
}

function entry({ name, mode, bytes }, offset) {
  const body = deflateRawSync(bytes, { level: 9 });
  const path = Buffer.from(name);
  const shared = Buffer.alloc(26);
  shared.writeUInt16LE(20, 0);
  shared.writeUInt16LE(DEFLATE, 4);
  shared.writeUInt16LE(TIME, 6);
  shared.writeUInt16LE(DATE, 8);
  shared.writeUInt32LE(crc32(bytes), 10);
  shared.writeUInt32LE(body.length, 14);
  shared.writeUInt32LE(bytes.length, 18);
  shared.writeUInt16LE(path.length, 22);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(((REGULAR_FILE | mode) << 16) >>> 0, 6);
  rest.writeUInt32LE(offset, 10);
  const madeBy = Buffer.alloc(2);
  madeBy.writeUInt16LE(MADE_BY_UNIX);
  return {
    local: Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), shared, path]),
    central: Buffer.concat([Buffer.from("PK\x01\x02", "latin1"), madeBy, shared, rest, path]),
    body,
  };
}

function end(count, size, offset) {
  const record = Buffer.alloc(22);
  record.write("PK\x05\x06", 0, "latin1");
  record.writeUInt16LE(count, 8);
  record.writeUInt16LE(count, 10);
  record.writeUInt32LE(size, 12);
  record.writeUInt32LE(offset, 16);
  return record;
}
