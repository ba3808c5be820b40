/**
 * What was chosen, sorted into things to send: slides one by one, folders as a tar.
 *
 * The tar (POSIX.1-1988 ustar) is a blob of headers and files side by side: nothing is read, so
 * gigabytes cost no memory, and the same files give the same bytes, which makes it resumable.
 */

export interface Chosen {
  path: string;
  file: File;
}

export interface Unit {
  name: string;
  blob: Blob;
  kind: "slide" | "dicom" | "archive";
}

const BLOCK = 512;
const LEADERS = /\.(mrxs|vms|vmu)$/i;
const SLIDES = /\.(svs|ndpi|scn|bif|tiff?|svslide|czi)$/i;
const ARCHIVES = /\.(zip|tar)$/i;
const LARGEST_OCTAL = 8 ** 11 - 1;

export function sortOut(chosen: readonly Chosen[]): Unit[] {
  const left = new Set(chosen);
  const units: Unit[] = [];
  for (const leader of chosen.filter((one) => LEADERS.test(one.path))) {
    const members = membersOf(leader, chosen).filter((one) => left.has(one));
    if (!members.includes(leader)) continue;
    members.forEach((one) => left.delete(one));
    const folder = folderOf(leader.path);
    const entries = members.map((one) => ({ name: one.path.slice(folder.length), file: one.file }));
    units.push({ name: nameOf(leader.path), blob: tar(entries), kind: "slide" });
  }
  const rest: Chosen[] = [];
  for (const one of left) {
    const name = nameOf(one.path);
    if (name.startsWith(".") || name === "Thumbs.db") continue;
    if (SLIDES.test(name)) units.push({ name, blob: one.file, kind: "slide" });
    else if (ARCHIVES.test(name)) units.push({ name, blob: one.file, kind: "archive" });
    else rest.push(one);
  }
  const only = rest[0];
  if (rest.length === 1 && only) {
    units.push({ name: nameOf(only.path), blob: only.file, kind: "dicom" });
  } else if (only) {
    const folder = only.path.includes("/") ? (only.path.split("/")[0] ?? "DICOM") : "DICOM";
    // Names in a study's folder mean nothing and may be long.
    const sorted = [...rest].sort((a, b) => (a.path < b.path ? -1 : 1));
    const entries = sorted.map((one, at) => ({ name: `${at}.dcm`, file: one.file }));
    units.push({ name: `${folder} (${rest.length})`, blob: tar(entries), kind: "dicom" });
  }
  return units;
}

/** A leader and the files that belong to it. */
function membersOf(leader: Chosen, chosen: readonly Chosen[]): Chosen[] {
  const folder = folderOf(leader.path);
  if (!/\.mrxs$/i.test(leader.path)) {
    return chosen.filter((one) => folderOf(one.path) === folder);
  }
  const data = `${leader.path.replace(/\.mrxs$/i, "")}/`;
  const loose = !chosen.some((one) => one.path.startsWith(data));
  // The data folder alone may have been dropped beside the file, under its own name.
  const beside = `${nameOf(leader.path).replace(/\.mrxs$/i, "")}/`;
  const inside = (one: Chosen): boolean => one.path.startsWith(loose ? beside : data);
  return chosen.filter((one) => one === leader || inside(one));
}

function tar(entries: readonly { name: string; file: File }[]): Blob {
  const parts: BlobPart[] = [];
  for (const { name, file } of entries) {
    parts.push(header(name, file.size), file);
    const over = file.size % BLOCK;
    if (over) parts.push(new Uint8Array(BLOCK - over));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Blob(parts);
}

function header(name: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BLOCK);
  const write = (text: string, at: number): void => bytes.set(new TextEncoder().encode(text), at);
  const [prefix, rest] = split(name);
  write(rest, 0);
  write("0000640\0", 100);
  write("0000000\0", 108);
  write("0000000\0", 116);
  if (size <= LARGEST_OCTAL) write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  else binarySize(bytes, size);
  write("00000000000\0", 136);
  write("        ", 148);
  write("0", 156);
  write("ustar\x0000", 257);
  write(prefix, 345);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return bytes;
}

/** Sizes from 8 GiB on: the GNU base-256 form, first bit set. */
function binarySize(bytes: Uint8Array, size: number): void {
  let rest = size;
  for (let at = 135; at > 124; at -= 1) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[124] = 0x80;
}

/** ustar keeps at most 100 bytes of name behind 155 of folders. */
function split(name: string): [string, string] {
  const length = (text: string): number => new TextEncoder().encode(text).length;
  if (length(name) <= 100) return ["", name];
  for (let at = name.indexOf("/"); at > 0; at = name.indexOf("/", at + 1)) {
    if (length(name.slice(at + 1)) <= 100 && length(name.slice(0, at)) <= 155) {
      return [name.slice(0, at), name.slice(at + 1)];
    }
  }
  throw new RangeError("a file name is too long");
}

/** Files and folders of a drop, with their paths. */
export async function dropped(data: DataTransfer): Promise<Chosen[]> {
  const roots = [...data.items].map((item) => item.webkitGetAsEntry()).filter((one) => one !== null);
  const found: Chosen[] = [];
  for (const root of roots) await walk(root, found);
  return found;
}

async function walk(entry: FileSystemEntry, found: Chosen[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader gives a hundred entries at a time.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (!some.length) return;
    for (const one of some) await walk(one, found);
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
