import type { Detector, Sighting, View } from './detector.ts';

/** Magic numbers: bytes at a place, as latin1 text. Longer ones come first. */
// prettier-ignore
const signatures: readonly (readonly [type: FileType, at: number, bytes: string])[] = [
  ['sqlite', 0, 'SQLite format 3\0'],
  ['rar', 0, 'Rar!\x1a\x07'],
  ['7z', 0, '7z\xbc\xaf\x27\x1c'],
  ['xz', 0, '\xfd7zXZ\0'],
  ['ole', 0, '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'],
  ['kdbx', 0, '\x03\xd9\xa2\x9a'],
  ['png', 0, '\x89PNG\r\n\x1a\n'],
  ['pgp', 0, '-----BEGIN PGP MESSAGE'],
  ['outlook', 0, '!BDN'],
  ['pdf', 0, '%PDF-'],
  ['rtf', 0, '{\\rtf'],
  ['elf', 0, '\x7fELF'],
  ['macho', 0, '\xcf\xfa\xed\xfe'],
  ['macho', 0, '\xce\xfa\xed\xfe'],
  ['class', 0, '\xca\xfe\xba\xbe'],
  ['wasm', 0, '\0asm'],
  ['pcap', 0, '\xd4\xc3\xb2\xa1'],
  ['pcap', 0, '\xa1\xb2\xc3\xd4'],
  ['pcap', 0, '\x0a\x0d\x0d\x0a'],
  ['parquet', 0, 'PAR1'],
  ['disk-image', 0, 'QFI\xfb'],
  ['disk-image', 0, 'KDMV'],
  ['disk-image', 0, 'LUKS\xba\xbe'],
  ['memory-dump', 0, 'MDMP'],
  ['memory-dump', 0, 'PAGEDU'],
  ['zstd', 0, '\x28\xb5\x2f\xfd'],
  ['gif', 0, 'GIF8'],
  ['webp', 8, 'WEBP'],
  ['wav', 8, 'WAVE'],
  ['mp4', 4, 'ftyp'],
  ['mkv', 0, '\x1a\x45\xdf\xa3'],
  ['ogg', 0, 'OggS'],
  ['bz2', 0, 'BZh'],
  ['jpg', 0, '\xff\xd8\xff'],
  ['mp3', 0, 'ID3'],
  ['gz', 0, '\x1f\x8b'],
  ['tar', 257, 'ustar'],
  ['exe', 0, 'MZ'],
];

export const fileTypes = [
  ...['zip', 'encrypted-zip', 'office', '7z', 'rar', 'gz', 'bz2', 'xz', 'zstd', 'tar'],
  ...['pdf', 'ole', 'rtf', 'outlook', 'sqlite', 'parquet', 'kdbx', 'pgp'],
  ...['exe', 'elf', 'macho', 'class', 'wasm', 'pcap', 'disk-image', 'memory-dump'],
  ...['png', 'jpg', 'gif', 'webp', 'mp4', 'mkv', 'mp3', 'ogg', 'wav'],
] as const;

/**
 * What a file is by its first bytes. `office`: Word, Excel and PowerPoint since 2007; `ole`: those before, and Outlook's messages;
 * `encrypted-zip`: a ZIP archive whose first entry has a password.
 */
export type FileType = (typeof fileTypes)[number];

/** @param bytes as latin1 text; 512 of them are enough */
export function fileTypeOf(bytes: string, from = 0): FileType | undefined {
  if (bytes.startsWith('PK\x03\x04', from)) return zipType(bytes, from);
  return signatures.find(([, at, magic]) => bytes.startsWith(magic, from + at))?.[0];
}

/** Local file header (APPNOTE.TXT 4.3.7): bit 0 of the flags says encrypted; the name tells Office's own archives. */
function zipType(bytes: string, from: number): FileType {
  if ((bytes.charCodeAt(from + 6) & 1) === 1) return 'encrypted-zip';
  const name = bytes.slice(from + 30, from + 30 + 24);
  return /^(?:\[Content_Types\]\.xml|_rels\/|docProps\/|word\/|xl\/|ppt\/)/.test(name)
    ? 'office'
    : 'zip';
}

/** The head of a part of a form (RFC 7578 §4.1, RFC 2046 §5.1.1): what follows is a file, or a field. */
const partHead =
  /--(?<=^--|\r\n--)[\w'()+,./:=? -]{1,72}\r\n(?=(?:[\w-]{1,40}:[^\r\n]{0,400}\r\n){1,4}\r\n)/g;

/** Looks at the first bytes of a body and of each part of a form. */
export function fileTypeDetector(isDenied: (type: FileType) => boolean): () => Detector {
  return () => new FileTypeDetector(isDenied);
}

class FileTypeDetector implements Detector {
  readonly #isDenied: (type: FileType) => boolean;

  constructor(isDenied: (type: FileType) => boolean) {
    this.#isDenied = isDenied;
  }

  scan({ text, offset, from, to }: View): Sighting | undefined {
    const first = offset + from === 0 ? this.#look(text, 0) : undefined;
    if (first !== undefined) return first;
    partHead.lastIndex = from;
    for (;;) {
      const match = partHead.exec(text);
      if (match === null || match.index >= to) return undefined;
      const end = text.indexOf('\r\n\r\n', match.index);
      const sighting = end === -1 ? undefined : this.#look(text, end + 4);
      if (sighting !== undefined) return sighting;
    }
  }

  #look(text: string, at: number): Sighting | undefined {
    const type = fileTypeOf(text, at);
    if (type === undefined || !this.#isDenied(type)) return undefined;
    return {
      rule: 'file-type',
      kind: type,
      severity: 'medium',
      at,
      value: text.slice(at, at + 512),
    };
  }
}
