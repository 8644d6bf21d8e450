import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TestContext } from 'node:test';
import { Lists } from '../../../lib/core/lists/lists.ts';
import { listField, type ListOptions } from '../../../lib/core/lists/options.ts';
import { parseOptions } from '../../../lib/core/options.ts';

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sekisho-lists-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A file with these lines. */
export function fileOf(t: TestContext, text: string, name = 'list.txt'): string {
  const path = join(folder(t), name);
  writeFileSync(path, text);
  return path;
}

export function listsOf(t: TestContext, ...options: readonly ListOptions[]): Lists {
  const lists = new Lists(
    'test',
    options.map((each) => parseOptions('test', listField(), each)),
  );
  t.after(() => lists.close());
  return lists;
}

/** Reads the text as a list and says when it is in force. */
export async function read(
  t: TestContext,
  text: string,
  options: Partial<ListOptions> = {},
): Promise<Lists> {
  const lists = listsOf(t, { file: fileOf(t, text), category: 'test', ...options });
  await lists.ready;
  return lists;
}

/** What operators are warned of. */
export function warnings(t: TestContext): string[] {
  const heard: string[] = [];
  const listener = (event: unknown): void => {
    const { code, message } = event as { code: string; message: string };
    if (code === 'SEKISHO_LIST') heard.push(message);
  };
  subscribe('sekisho:warning', listener);
  t.after(() => unsubscribe('sekisho:warning', listener));
  return heard;
}
