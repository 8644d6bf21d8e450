import assert from 'node:assert/strict';
import test from 'node:test';
import { accessLog } from '../../../lib/access-log/index.ts';
import { contextOf } from '../../../lib/core/context.ts';
import { until } from '../../support/servers.ts';
import { rawClient } from '../../support/upgrades.ts';
import { startProxy, startSite } from '../../forward-proxy/support.ts';

for (const [name, words] of [
  ['another Host', 'GET /in HTTP/1.1\r\nHost: evil.test\r\n\r\n'],
  ['no Host', 'GET /in HTTP/1.1\r\n\r\n'],
  ['broken fields', 'GET /in HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n'],
] as const)
  test(`what is refused inside of a tunnel has one line besides that of the tunnel: ${name}`, async (t) => {
    const lines: string[] = [];
    const log = accessLog({ format: 'json', stream: { write: (line) => lines.push(line) } });
    const site = await startSite(t);
    const { port } = await startProxy(
      t,
      { ports: [site.port], connectPorts: [site.port] },
      {
        before: [
          log,
          (req, _res, next) => {
            contextOf(req).admitted = true;
            next();
          },
        ],
      },
    );
    const target = `site.test:${site.port}`;
    const early = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n${words}`;
    const client = await rawClient(port, early);
    await client.sees('HTTP/1.1 400 ');
    client.socket.destroy();
    await until(() => lines.length >= 2, 'two lines');
    await new Promise((resolve) => setTimeout(resolve, 40));
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const shown = entries.map(({ method, target, status }) => [method, target, status]);
    assert.deepEqual(shown.sort(), [
      ['CONNECT', target, 200],
      ['GET', '/in', 400],
    ]);
    const tunnel = entries.find(({ method }) => method === 'CONNECT');
    assert.equal(tunnel?.bytesReceived, words.length);
  });
