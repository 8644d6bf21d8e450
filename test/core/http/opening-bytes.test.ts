import assert from 'node:assert/strict';
import test from 'node:test';
import { readOpening, type Opening } from '../../../lib/core/http/opening-bytes.ts';

const cases: readonly [words: string, opening: Opening | undefined][] = [
  ['', undefined],
  ['\x16', 'tls'],
  ['\x16\x03\x01', 'tls'],
  ['G', undefined],
  ['GET', undefined],
  ['GET ', 'http'],
  ['PROPFIND /', 'http'],
  [' GET /', 'other'],
  ['get /', 'other'],
  ['SSH-2.0', 'other'],
  ['EHLO\r\n', 'other'],
  ['A'.repeat(24), undefined],
  ['A'.repeat(25), 'other'],
  ['\x80\x2e\x01', 'other'],
  ['\0', 'other'],
];

for (const [words, opening] of cases)
  test(`what ${JSON.stringify(words)} begins is ${opening ?? 'not known yet'}`, () => {
    assert.equal(readOpening(Buffer.from(words, 'latin1')), opening);
  });
