/**
 * Reads from a Linux binary what decides whether Lambda can run it: its machine, and the newest glibc it needs.
 *
 * Not a loader: 64-bit little-endian ELF only, and only the table of needed versions. Works where no binutils are.
 */
const SHT_GNU_VERNEED = 0x6ffffffe;
const MACHINES = new Map([
  [62, "x86_64"],
  [183, "arm64"],
]);

/** @returns {{machine: string, glibc: string}} such as `x86_64` and `2.34`; "0" if it needs none. */
export function readBinary(bytes) {
  if (bytes.subarray(0, 6).toString("latin1") !== "\x7fELF\x02\x01") throw new Error("not a 64-bit Linux binary");
  const machine = MACHINES.get(bytes.readUInt16LE(18)) ?? `machine ${bytes.readUInt16LE(18)}`;
  const versions = neededVersions(bytes).filter((name) => name.startsWith("GLIBC_"));
  const glibc = versions.map((name) => name.slice("GLIBC_".length)).sort(compareVersions).at(-1) ?? "0";
  return { machine, glibc };
}

/** Version numbers, part by part: 2.9 is before 2.34. */
export function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function neededVersions(bytes) {
  const sections = sectionHeaders(bytes);
  const needs = sections.find((section) => section.type === SHT_GNU_VERNEED);
  if (!needs) return [];
  const names = [];
  const strings = sections[needs.link].offset;
  let need = needs.offset;
  for (let left = needs.info; left > 0; left -= 1) {
    let version = need + bytes.readUInt32LE(need + 8);
    for (let count = bytes.readUInt16LE(need + 2); count > 0; count -= 1) {
      names.push(textAt(bytes, strings + bytes.readUInt32LE(version + 8)));
      version += bytes.readUInt32LE(version + 12);
    }
    need += bytes.readUInt32LE(need + 12);
  }
  return names;
}

function sectionHeaders(bytes) {
  const table = Number(bytes.readBigUInt64LE(40));
  const size = bytes.readUInt16LE(58);
  return Array.from({ length: bytes.readUInt16LE(60) }, (_, index) => {
    const at = table + index * size;
    return {
      type: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 24)),
      link: bytes.readUInt32LE(at + 40),
      info: bytes.readUInt32LE(at + 44),
    };
  });
}

const textAt = (bytes, at) => bytes.subarray(at, bytes.indexOf(0, at)).toString("latin1");
