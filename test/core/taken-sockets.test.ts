import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { ownSocket, socketOwners, trackSocket } from '../../lib/core/taken-sockets.ts';
import { until } from '../support/servers.ts';

test('a socket is known by its server until it closes, once however often it is tracked', async () => {
  const [server, other] = [{}, {}];
  const socket = new PassThrough();
  trackSocket(server, socket);
  trackSocket(server, socket);
  assert.equal(socketOwners(server).length, 1);
  assert.deepEqual(socketOwners(other), []);
  socket.destroy();
  await until(() => socketOwners(server).length === 0, 'the socket to be forgotten');
});

test('without an owner a socket is ended or destroyed itself', () => {
  const server = {};
  const [ended, destroyed] = [new PassThrough(), new PassThrough()];
  trackSocket(server, ended);
  trackSocket(server, destroyed);
  const [first, second] = socketOwners(server);
  first!.close();
  second!.destroy();
  assert.deepEqual([ended.writableEnded, ended.destroyed], [true, false]);
  assert.equal(destroyed.destroyed, true);
});

test('an owner stands in for its socket; one of an unknown socket is ignored', () => {
  const server = {};
  const socket = new PassThrough();
  const owner = { close: () => undefined, destroy: () => undefined };
  trackSocket(server, socket);
  ownSocket(socket, owner);
  ownSocket(new PassThrough(), owner);
  assert.deepEqual(socketOwners(server), [owner]);
});
