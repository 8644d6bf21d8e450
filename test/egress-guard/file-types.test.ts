import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { fileTypeOf } from '../../lib/egress-guard/file-types.ts';

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const zip = zipSync({ 'a.txt': new Uint8Array(10) });
const encrypted = Uint8Array.from(zip, (byte, index) => (index === 6 ? byte | 1 : byte));

for (const [type, bytes] of [
  ['zip', latin1(zip)],
  ['encrypted-zip', latin1(encrypted)],
  [
    'office',
    latin1(
      zipSync({ '[Content_Types].xml': new Uint8Array(9), 'word/document.xml': new Uint8Array(9) }),
    ),
  ],
  ['gz', latin1(gzipSync('a'))],
  ['zstd', latin1(zstdCompressSync(Buffer.from('a')))],
  ['tar', `${'\0'.repeat(257)}ustar\0`],
  ['pdf', '%PDF-1.7\n'],
  ['ole', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'],
  ['exe', 'MZ\x90\0'],
  ['png', '\x89PNG\r\n\x1a\n\0\0'],
  ['mp4', '\0\0\0\x18ftypisom'],
  [undefined, 'just text'],
  [undefined, ''],
] as const)
  test(`${String(type)} by its first bytes`, () => {
    assert.equal(fileTypeOf(bytes), type);
    assert.equal(fileTypeOf(`head${bytes}`, 4), type);
  });
