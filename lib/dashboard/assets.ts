import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Request, Response } from 'express';
import { strings } from './strings.ts';

/** A file of the page. */
export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
}

/** The sources are in the package beside what is compiled from them: this is their place for both. */
export const pageFolder: URL = new URL('../../lib/dashboard/page/', import.meta.url);
const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** All that the page asks for beside itself, by path. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const own = readdirSync(pageFolder)
    .filter((name) => extensionOf(name) in types)
    .map((name) => [name, readFileSync(new URL(name, pageFolder))] as const);
  const uPlot = import.meta.resolve('uplot');
  const files: readonly (readonly [string, Buffer])[] = [
    ...own,
    ['strings.js', Buffer.from(`export const strings = ${JSON.stringify(strings)};\n`)],
    ['uplot.js', readFileSync(new URL('uPlot.esm.js', uPlot))],
    ['uplot.css', readFileSync(new URL('uPlot.min.css', uPlot))],
  ];
  return new Map(
    files.map(([name, body]) => {
      const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
      return [`/${name}`, { type: types[extensionOf(name)] ?? '', body, etag }];
    }),
  );
}

export function sendAsset({ type, body, etag }: Asset, req: Request, res: Response): void {
  res.setHeader('Content-Type', type);
  // Asked for again each time, and sent only when it has changed with the package.
  res.setHeader('Cache-Control', 'private, no-cache');
  res.setHeader('ETag', etag);
  if (req.fresh) {
    res.statusCode = 304;
    res.end();
    return;
  }
  res.setHeader('Content-Length', body.length);
  res.end(body);
}

function extensionOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
