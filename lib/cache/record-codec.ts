import { crc32 } from 'node:zlib';
import type { Validity } from '../core/http/validity.ts';
import { bytesOf } from './body.ts';
import type { CacheRecord, Entry, VaryRecord } from './entry.ts';

/**
 * A record as bytes, for stores outside the process:
 *
 *     0  4  magic, 'SKSH'
 *     4  1  version of the format
 *     5  1  1 an answer, 2 a vary record
 *     6  2  zero
 *     8  4  CRC-32 of all that follows
 *    12  4  length of the label: JSON [url, groups], in front so that it can be read without the rest
 *    16  4  length of the head: JSON, the other members
 *    20  4  length of the body
 *    24     label, head, body
 *
 * What decodes was encoded by us: nothing of it can break a response's framing or a reader's types.
 */
const magic = 0x534b5348;
const version = 1;
const headerLength = 24;
const answer = 1;
const vary = 2;

/** A value in Redis has at most 512 MiB. */
const maxLength = 512 * 1024 * 1024 - 1;

const tokens = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What may stand in a field's value (RFC 9110 §5.5), as strict as node:http is when it writes one. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The compiler sees to it that no member is forgotten. */
const validityMembers: Readonly<Record<keyof Validity, 'number' | 'boolean'>> = {
  received: 'number',
  initialAge: 'number',
  lifetime: 'number',
  staleWhileRevalidate: 'number',
  staleIfError: 'number',
  alwaysValidate: 'boolean',
  neverStale: 'boolean',
  assumed: 'boolean',
};

type AnswerHead = Pick<
  Entry,
  'status' | 'message' | 'fields' | 'trailers' | 'validity' | 'local' | 'removed'
>;
/** Records that were written before there were these members have none. */
type StoredHead = Omit<AnswerHead, 'local' | 'removed'> &
  Partial<Pick<AnswerHead, 'local' | 'removed'>>;
type VaryHead = Pick<VaryRecord, 'names' | 'generation'>;

/** What a record is called by. */
export interface RecordLabel {
  readonly url: string;
  readonly groups: readonly string[];
}

const noBody = Buffer.alloc(0);

/** @returns undefined for what is larger than any store takes */
export function encodeRecord(record: CacheRecord): Buffer | undefined {
  const isAnswer = record.kind === 'answer';
  const label = JSON.stringify([record.url, record.groups]);
  const head = JSON.stringify(isAnswer ? answerHead(record) : varyHead(record));
  const body = isAnswer ? bytesOf(record.body) : noBody;
  const labelLength = Buffer.byteLength(label);
  const headLength = Buffer.byteLength(head);
  const length = headerLength + labelLength + headLength + body.length;
  if (length > maxLength) return undefined;
  const bytes = Buffer.allocUnsafe(length);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt32BE((version << 24) | ((isAnswer ? answer : vary) << 16), 4);
  bytes.writeUInt32BE(labelLength, 12);
  bytes.writeUInt32BE(headLength, 16);
  bytes.writeUInt32BE(body.length, 20);
  bytes.write(label, headerLength, 'utf8');
  bytes.write(head, headerLength + labelLength, 'utf8');
  body.copy(bytes, headerLength + labelLength + headLength);
  bytes.writeUInt32BE(crc32(bytes.subarray(12)), 8);
  return bytes;
}

/** @returns undefined for anything but what `encodeRecord` made; the body is a view of the bytes */
export function decodeRecord(bytes: Buffer): CacheRecord | undefined {
  const label = decodeLabel(bytes);
  if (typeof label !== 'object') return undefined;
  const headStart = headerLength + bytes.readUInt32BE(12);
  const bodyStart = headStart + bytes.readUInt32BE(16);
  if (bodyStart + bytes.readUInt32BE(20) !== bytes.length) return undefined;
  if (crc32(bytes.subarray(12)) !== bytes.readUInt32BE(8)) return undefined;
  const head = parse(bytes, headStart, bodyStart);
  if (typeof head !== 'object' || head === null) return undefined;
  if (bytes[5] === answer)
    return isAnswerHead(head)
      ? { kind: 'answer', ...label, ...answerHead(head), body: bytes.subarray(bodyStart) }
      : undefined;
  return isVaryHead(head) && bodyStart === bytes.length
    ? { kind: 'vary', ...label, ...varyHead(head) }
    : undefined;
}

/** Another version of sekisho wrote it: not for us, and not ours to delete. */
export function isOtherVersion(bytes: Buffer): boolean {
  return bytes.length > 4 && bytes.readUInt32BE(0) === magic && bytes[4] !== version;
}

/**
 * Reads what a record is called by from the beginning of its bytes.
 *
 * @returns how many bytes are needed when these are too few, undefined when it is no record of ours
 */
export function decodeLabel(bytes: Buffer): RecordLabel | number | undefined {
  if (bytes.length < headerLength || bytes.readUInt32BE(0) !== magic) return undefined;
  const kind = bytes.readUInt32BE(4);
  if (kind !== ((version << 24) | (answer << 16)) && kind !== ((version << 24) | (vary << 16)))
    return undefined;
  const end = headerLength + bytes.readUInt32BE(12);
  if (end > bytes.length) return end > maxLength ? undefined : end;
  const label = parse(bytes, headerLength, end);
  if (!Array.isArray(label) || label.length !== 2) return undefined;
  const [url, groups] = label as unknown[];
  return typeof url === 'string' && isList(groups, isString) ? { url, groups } : undefined;
}

function answerHead(head: StoredHead): AnswerHead {
  const { status, message, fields, trailers, validity, local = false, removed = [] } = head;
  return { status, message, fields, trailers, validity, local, removed };
}

function varyHead({ names, generation }: VaryHead): VaryHead {
  return { names, generation };
}

function isAnswerHead(head: object): head is StoredHead {
  const { status, message, fields, trailers, validity, local, removed } =
    head as Partial<AnswerHead>;
  return (
    Number.isInteger(status) &&
    (status as number) >= 200 &&
    (status as number) <= 999 &&
    isValue(message) &&
    isFields(fields) &&
    isFields(trailers) &&
    isValidity(validity) &&
    (local === undefined || typeof local === 'boolean') &&
    (removed === undefined || isList(removed, isToken))
  );
}

function isVaryHead(head: object): head is VaryHead {
  const { names, generation } = head as Partial<VaryHead>;
  return isList(names, isToken) && typeof generation === 'string';
}

function isValidity(value: unknown): value is Validity {
  if (typeof value !== 'object' || value === null) return false;
  for (const [name, type] of Object.entries(validityMembers)) {
    const member = (value as Record<string, unknown>)[name];
    if (typeof member !== type || (type === 'number' && !Number.isFinite(member))) return false;
  }
  return true;
}

function isFields(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length % 2 !== 0) return false;
  for (let index = 0; index < value.length; index += 2)
    if (!isToken(value[index]) || !isValue(value[index + 1])) return false;
  return true;
}

function isList<Item>(
  value: unknown,
  isItem: (item: unknown) => item is Item,
): value is readonly Item[] {
  return Array.isArray(value) && value.every(isItem);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && tokens.test(value);
}

function isValue(value: unknown): value is string {
  return typeof value === 'string' && fieldValue.test(value);
}

function parse(bytes: Buffer, start: number, end: number): unknown {
  if (end > bytes.length) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8', start, end));
  } catch {
    return undefined;
  }
}
