import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import express, { type RequestHandler } from 'express';
import { attach } from '../../lib/core/server/attach.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { urlFilter } from '../../lib/url-filter/index.ts';
import { listen } from '../support/servers.ts';

/** More than the kernels on both sides keep for a connection. */
const long = Buffer.alloc(24 * 1024 * 1024, 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n');

async function serving(t: TestContext, ...handlers: RequestHandler[]): Promise<number> {
  const app = express().set('env', 'test');
  app.use(...handlers, errorPages());
  const server = attach(app.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What a client gets that sends head and body in one go and reads afterwards; rejects when the connection is reset. */
async function answerTo(port: number, head: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.write(head);
  socket.write(long);
  await once(socket, 'close');
  return answer;
}

const refused: Readonly<Record<string, { head: string; status: RegExp }>> = {
  'a body that nobody has asked for': {
    head: `POST /secret HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${long.length}\r\n\r\n`,
    status: /^HTTP\/1\.1 403 [^]*"code":"ERR_SEKISHO_URL_DENIED"/,
  },
  'a malformed request': {
    head: `POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: ${long.length}\r\n\r\n`,
    status: /^HTTP\/1\.1 400 [^]*"code":"ERR_SEKISHO_BAD_HOST"/,
  },
  'a request for a proxy that is none': {
    head: `POST http://other.example/ HTTP/1.1\r\nHost: other.example\r\nContent-Length: ${long.length}\r\nExpect: the moon\r\n\r\n`,
    status: /^HTTP\/1\.1 4\d\d /,
  },
};

for (const [what, { head, status }] of Object.entries(refused))
  test(`${what}: the answer arrives though the body is on its way, and nothing in it is a request`, async (t) => {
    const asked: string[] = [];
    const { url } = await listen(t, (req, res) => {
      asked.push(req.url ?? '');
      res.end();
    });
    const port = await serving(t, urlFilter({ deny: ['/secret'] }), balancedProxy(url));
    const answer = await answerTo(port, head);
    assert.match(answer, status);
    assert.match(answer, /\r\nConnection: close\r\n/);
    assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1);
    assert.deepEqual(asked, []);
  });
