/** How long it takes to audit a long chain. */
import express from 'express';
import { audit } from '../../lib/audit/index.ts';
import { authGate } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { median } from './measure.ts';

const layers = 1000;

export function benchAudit(rounds: number): void {
  const app = express();
  const gate = authGate({ basic: { users: { alice: 'secret' } } });
  for (let n = 0; n < layers / 5; n++) {
    app.use(`/area${n}`, gate, cache('1m'), express.json());
    app.use(`/area${n}/proxied`, balancedProxy('http://127.0.0.1:9'));
    app.get(`/area${n}/:id`, (_req, res) => void res.send(''));
  }
  const times: number[] = [];
  for (let round = 0; round < rounds * 3; round++) {
    const start = performance.now();
    audit(app);
    times.push(performance.now() - start);
  }
  console.log(`\naudit of ${layers} layers (standard: under 50 ms)`);
  console.log(`  first ${(times[0] ?? 0).toFixed(1)} ms, median ${median(times).toFixed(1)} ms`);
}
