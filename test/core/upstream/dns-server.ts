/** A DNS server on loopback that answers A, AAAA and SRV questions from a table. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

export interface Zone {
  a?: readonly string[];
  aaaa?: readonly string[];
  srv?: readonly { priority: number; weight: number; port: number; target: string }[];
  /** 2 is SERVFAIL, 3 NXDOMAIN. */
  code?: number;
  /** Seconds. @default 0 */
  ttl?: number;
  /** Questions of these types get no answer. */
  silent?: readonly ('a' | 'aaaa' | 'srv')[];
  /** Counts the questions. */
  asked?: number;
}

const types = { 1: 'a', 28: 'aaaa', 33: 'srv' } as const;

/** Answers from the zone as it is at the moment of the question; the address is for `discover.servers`. */
export async function dnsServer(t: TestContext, zone: Zone): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (question, peer) => {
    const end = question.indexOf(0, 12) + 5;
    const type = types[question.readUInt16BE(end - 4) as keyof typeof types];
    zone.asked = (zone.asked ?? 0) + 1;
    if (zone.silent?.includes(type) === true) return;
    const records = zone.code === undefined ? recordsOf(zone, type) : [];
    const header = Buffer.alloc(12);
    question.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (zone.code ?? 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    const answers = records.map((data) => {
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(question.readUInt16BE(end - 4), 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(zone.ttl ?? 0, 6);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    socket.send(
      Buffer.concat([header, question.subarray(12, end), ...answers]),
      peer.port,
      peer.address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

function recordsOf(zone: Zone, type: 'a' | 'aaaa' | 'srv' | undefined): Buffer[] {
  if (type === 'a')
    return (zone.a ?? []).map((address) => Buffer.from(address.split('.').map(Number)));
  if (type === 'aaaa')
    // Loopback is the only one the tests need.
    return (zone.aaaa ?? []).map(() => Buffer.from([...Array<number>(15).fill(0), 1]));
  return (zone.srv ?? []).map(({ priority, weight, port, target }) => {
    const numbers = Buffer.alloc(6);
    numbers.writeUInt16BE(priority, 0);
    numbers.writeUInt16BE(weight, 2);
    numbers.writeUInt16BE(port, 4);
    const labels = target.split('.').filter((label) => label !== '');
    return Buffer.concat([
      numbers,
      ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
      Buffer.from([0]),
    ]);
  });
}
