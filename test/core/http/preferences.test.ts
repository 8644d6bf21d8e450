import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalPreferences, type PreferenceField } from '../../../lib/core/http/preferences.ts';

const rows: readonly (readonly [
  field: PreferenceField,
  value: string,
  canonical: string | undefined,
])[] = [
  // RFC 9110 §12.5.3: no meaning in the order
  ['accept-encoding', 'gzip', 'gzip'],
  ['accept-encoding', 'GZip,  deflate , BR', 'br,deflate,gzip'],
  ['accept-encoding', 'br;q=1.000, gzip;Q=0.800', 'br,gzip;q=0.8'],
  ['accept-encoding', 'gzip ; q=0.5, br', 'br,gzip;q=0.5'],
  ['accept-encoding', 'gzip, deflate;q=0', 'gzip'],
  ['accept-encoding', '*, deflate;q=0', '*,deflate;q=0'],
  ['accept-encoding', 'gzip, identity;q=0', 'gzip,identity;q=0'],
  ['accept-encoding', 'gzip, gzip', 'gzip'],
  ['accept-encoding', '', ''],
  ['accept-encoding', ' , ', ''],
  ['accept-encoding', 'gzip;q=0.5, gzip', undefined],
  ['accept-encoding', 'gzip;q=2', undefined],
  ['accept-encoding', 'gzip;q=1.001', undefined],
  ['accept-encoding', 'gzip;q=0.1234', undefined],
  ['accept-encoding', 'gzip;q=-1', undefined],
  ['accept-encoding', 'gzip;q = 1', undefined],
  ['accept-encoding', 'gzip;q="1"', undefined],
  ['accept-encoding', 'gzip;level=9', undefined],
  ['accept-encoding', 'gzip;q=1;q=1', undefined],
  ['accept-encoding', 'gzip br', undefined],
  ['accept-encoding', ';q=1', undefined],
  ['accept-encoding', '"gzip', undefined],
  // RFC 9110 §12.5.4: the order of equal weights may be a preference
  ['accept-language', 'de-CH,de;q=0.9,en;q=0.8', 'de-ch,de;q=0.9,en;q=0.8'],
  ['accept-language', 'EN;q=0.8 , de;q=0.90, De-ch', 'de-ch,de;q=0.9,en;q=0.8'],
  ['accept-language', 'de, en', 'de,en'],
  ['accept-language', 'en, de', 'en,de'],
  ['accept-language', 'en, *;q=0.1', 'en,*;q=0.1'],
  ['accept-language', 'de, en;q=0', 'de,en;q=0'],
  ['accept-language', 'en;q=', undefined],
  // RFC 9110 §12.5.2
  ['accept-charset', 'UTF-8, iso-8859-1;q=0.5', 'utf-8,iso-8859-1;q=0.5'],
  // RFC 9110 §12.5.1
  ['accept', 'text/html', 'text/html'],
  [
    'accept',
    'Text/HTML;Level=1;q=0.4, */* ; q=0.1 ,text/*',
    'text/*,text/html;level=1;q=0.4,*/*;q=0.1',
  ],
  ['accept', 'text/plain;a="x,y;z", text/html', 'text/plain;a="x,y;z",text/html'],
  ['accept', 'text/plain;charset=UTF-8', 'text/plain;charset=UTF-8'],
  ['accept', 'text/html, text/plain', 'text/html,text/plain'],
  ['accept', 'text/plain, text/html', 'text/plain,text/html'],
  ['accept', 'text/html;q=0.5;ext=1', undefined],
  ['accept', 'text/html;q=7', undefined],
  ['accept', 'text/html;level', undefined],
  ['accept', '*', undefined],
  ['accept', '*/html', undefined],
  ['accept', 'text', undefined],
  ['accept', 'text/html;q=0.5, text/html', undefined],
];

for (const [field, value, canonical] of rows)
  test(`${field}: ${value} (RFC 9110 §12.5)`, () => {
    assert.equal(canonicalPreferences(field, value), canonical);
  });
