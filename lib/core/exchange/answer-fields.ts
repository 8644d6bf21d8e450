import type { Response } from 'express';
import { listTokens } from '../http/fields.ts';
import type { ResponseMethods } from './response-methods.ts';
import { FieldSnapshot, linesOf, same, type FieldValue, type SetField } from './response-fields.ts';

/** Fields of which the client gets what was set outside and what the answer has. */
const addedUp: ReadonlySet<string> = new Set(['set-cookie', 'vary', 'link', 'server-timing']);

/** Fields of the connection to the client: no part of an answer, they stay on the response. */
const ofConnection: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The fields of an answer that a handler of the app has put on its response: those that are there now and were not, or
 * not so, when the handler was called.
 */
export class AnswerFields {
  readonly #snapshot: ReadonlyMap<string, SetField>;
  readonly #own: Map<string, SetField> = new Map();
  /** Names and values in turn. */
  readonly list: readonly string[];
  /** In lower case, what was set outside and the handler has taken away; of fields that add up also what it has replaced. */
  readonly removed: readonly string[];
  /** The length is not on the response: Node is to state it. */
  readonly computedLength: number | undefined;

  /** @param length of the whole body, when Node would state it by itself */
  constructor(res: Response, snapshot: FieldSnapshot, length?: number) {
    this.#snapshot = snapshot.toMap();
    const removed: string[] = [];
    const now = new FieldSnapshot(res).toMap();
    for (const [lower, { name, value }] of now) {
      if (ofConnection.has(lower)) continue;
      const outer = this.#snapshot.get(lower)?.value;
      if (outer !== undefined && same(outer, value)) continue;
      const added =
        outer === undefined || !addedUp.has(lower) ? undefined : without(lower, value, outer);
      if (outer !== undefined && added === undefined && addedUp.has(lower)) removed.push(lower);
      if (added?.length !== 0) this.#own.set(lower, { name, value: added ?? value });
    }
    for (const lower of this.#snapshot.keys())
      if (!now.has(lower) && !ofConnection.has(lower)) removed.push(lower);
    this.removed = removed.length === 0 ? none : removed;
    const list: string[] = [];
    for (const { name, value } of this.#own.values())
      for (const line of linesOf(value)) list.push(name, line);
    if (length !== undefined) list.push('Content-Length', String(length));
    this.list = list;
    this.computedLength = length;
  }

  /**
   * Puts the fields of the final answer on the response, where those of the handler are still: what no wrapper has
   * changed is not touched.
   *
   * @throws what `setHeader` throws
   */
  replace(res: Response, methods: ResponseMethods, fields: readonly string[]): void {
    if (fields === this.list) return;
    const final = grouped(fields);
    for (const lower of this.#own.keys())
      if (!final.has(lower)) {
        if (this.removed.includes(lower)) remove(res, methods, lower);
        else this.#restore(res, methods, lower);
      }
    for (const [lower, group] of final) {
      const own = this.#own.get(lower);
      if (own === undefined || !same(linesOf(own.value), group.lines))
        this.#put(methods, lower, group);
    }
  }

  /**
   * The same for an answer that a wrapper gives in the place of the handler's.
   *
   * @param removed what it goes without of what was set outside
   * @throws what `setHeader` throws
   */
  substitute(
    res: Response,
    methods: ResponseMethods,
    fields: readonly string[],
    removed: readonly string[],
  ): void {
    this.withdraw(res, methods);
    for (const lower of removed) if (res.hasHeader(lower)) remove(res, methods, lower);
    for (const [lower, group] of grouped(fields)) this.#put(methods, lower, group, removed);
  }

  /** Takes the handler's fields away again. */
  withdraw(res: Response, methods: ResponseMethods): void {
    for (const [lower] of this.#own) this.#restore(res, methods, lower);
    for (const [lower, { name, value }] of this.#snapshot) {
      const now = res.getHeader(lower);
      if (!ofConnection.has(lower) && (now === undefined || !same(now, value)))
        put(methods, name, value);
    }
  }

  get #computed(): string | undefined {
    return this.computedLength === undefined ? undefined : String(this.computedLength);
  }

  #put(
    methods: ResponseMethods,
    lower: string,
    { name, lines }: FieldGroup,
    removed = this.removed,
  ): void {
    if (ofConnection.has(lower)) return;
    if (lower === 'content-length' && lines.length === 1 && lines[0] === this.#computed) return;
    const outer = this.#snapshot.get(lower);
    const adds = outer !== undefined && addedUp.has(lower) && !removed.includes(lower);
    const all = adds ? [...linesOf(outer.value), ...lines] : lines;
    const spelled = this.#own.get(lower)?.name ?? outer?.name ?? name;
    put(methods, spelled, all.length === 1 ? (all[0] as string) : all);
  }

  #restore(res: Response, methods: ResponseMethods, lower: string): void {
    const outer = this.#snapshot.get(lower);
    if (outer === undefined) remove(res, methods, lower);
    else put(methods, outer.name, outer.value);
  }
}

const none: readonly string[] = [];

function put(methods: ResponseMethods, name: string, value: FieldValue): void {
  // Node keeps the array itself, and appendHeader() would add to ours.
  methods.call('setHeader', name, typeof value === 'object' ? [...value] : value);
}

/** Node remembers what was removed and leaves its own out then: that is meant for handlers. */
function remove(res: Response, methods: ResponseMethods, name: string): void {
  const internals = res as { _removedContLen?: boolean };
  const { sendDate } = res;
  const { _removedContLen } = internals;
  methods.call('removeHeader', name);
  res.sendDate = sendDate;
  if (_removedContLen !== undefined) internals._removedContLen = _removedContLen;
}

/**
 * What has been added to the values of a field.
 *
 * @returns undefined when they have been replaced
 */
function without(
  lower: string,
  value: FieldValue,
  outer: FieldValue,
): string | readonly string[] | undefined {
  if (lower === 'vary') {
    const before = linesOf(outer).flatMap(listTokens);
    const now = linesOf(value).flatMap(members);
    if (!before.every((name) => now.some((member) => member.toLowerCase() === name)))
      return undefined;
    return now.filter((member) => !before.includes(member.toLowerCase())).join(', ');
  }
  const before = linesOf(outer);
  const now = linesOf(value);
  const [first] = before;
  if (before.length === 1 && now.length === 1 && first !== undefined)
    return lower !== 'set-cookie' && now[0]?.startsWith(`${first}, `) === true
      ? now[0].slice(first.length + 2)
      : undefined;
  const rest = [...now];
  for (const line of before) {
    const at = rest.indexOf(line);
    if (at < 0) return undefined;
    rest.splice(at, 1);
  }
  return rest;
}

function members(line: string): string[] {
  return line
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

interface FieldGroup {
  readonly name: string;
  readonly lines: string[];
}

function grouped(fields: readonly string[]): Map<string, FieldGroup> {
  const groups = new Map<string, FieldGroup>();
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const lower = name.toLowerCase();
    const group = groups.get(lower);
    if (group === undefined) groups.set(lower, { name, lines: [fields[index + 1] as string] });
    else group.lines.push(fields[index + 1] as string);
  }
  return groups;
}
