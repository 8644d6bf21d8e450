import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { scene } from '../integration/faults/support/scene.ts';
import { Load } from '../integration/faults/support/load.ts';
test('m', async (t) => {
  const { gateway } = await scene(t);
  const show = async (label: string, gc: boolean) => {
    if (gc) { await gateway.child.ask({ collect: true }); await pause(300); }
    const u = await gateway.child.ask<NodeJS.MemoryUsage>({ usage: true });
    const r = readFileSync(`/proc/${gateway.child.pid}/smaps_rollup`, 'utf8');
    const anon = /Anonymous:\s+(\d+)/.exec(r)![1];
    const maps = readFileSync(`/proc/${gateway.child.pid}/smaps`, 'utf8');
    let heap = 0, sect = '';
    for (const line of maps.split('\n')) { const m = /^[0-9a-f]+-[0-9a-f]+ .*?(\[heap\])?$/.exec(line); if (m) sect = m[1] ?? ''; const rr = /^Rss:\s+(\d+)/.exec(line); if (rr && sect) heap += +rr[1]!; }
    const f = (n: number) => (n / 1024).toFixed(0).padStart(7);
    console.log(label.padEnd(28), 'rss', f(u.rss), 'anon', anon, 'heapTotal', f(u.heapTotal), 'heapUsed', f(u.heapUsed), 'ext', f(u.external), 'ab', f(u.arrayBuffers), '[heap]', heap);
  };
  const fast = async (ms = 1500) => { const l = new Load(gateway.url, { rate: 200 }); await pause(ms); await l.stop(); };
  await fast(); await show('after fast', false); await show('after fast gc', true);
  await fast(3000); await show('after fast2', false); await show('after fast2 gc', true);
  for (let k = 0; k < 2; k++) {
    const dl = (p: string) => new Promise<void>((done) => { const s = connect({ port: gateway.port, host: '127.0.0.1' }); let n = 0; s.write(`GET ${p} HTTP/1.1\r\nHost: a\r\n\r\n`); s.on('data', (c) => { n += c.length; if (n > 5 * 1024 * 1024) s.destroy(); }); s.on('close', () => done()); });
    await Promise.all(Array.from({ length: 200 }, () => dl(`/bytes/${5 * 1024 * 1024}`)));
    await show('crowd ' + k, false); await show('crowd gc ' + k, true);
  }
  const n = 200;
  const rs = Array.from({ length: n }, () => { const s = connect({ port: gateway.port, host: '127.0.0.1' }); s.on('error', () => undefined); t.after(() => s.destroy()); s.write(`GET /bytes/${5 * 1024 * 1024} HTTP/1.1\r\nHost: a\r\n\r\n`); return s; });
  const sip = async (s: typeof rs[0]) => { s.resume(); await once(s, 'data'); s.pause(); };
  await Promise.all(rs.map(sip)); await show('readers', false); await show('readers gc', true);
  for (let i = 0; i < 4; i++) { await pause(300); await Promise.all(rs.map(sip)); await show('sip ' + i, false); }
  await show('sips gc', true);
  const l = new Load(gateway.url, { rate: 200 });
  for (let i = 0; i < 4; i++) { await pause(300); await Promise.all(rs.map(sip)); await show('sip+load ' + i, false); }
  await l.stop();
  await show('sips+load gc', true);
});
