/** The proxy in a process of its own: an Express app with one balancedProxy. */
import diagnostics from 'node:diagnostics_channel';
import express from 'express';
import { balancedProxy } from '../../../../lib/balanced-proxy/index.ts';
import { serve, type ServeOptions } from '../../../../lib/core/server/serve.ts';
import type { ForwarderOptions } from '../../../../lib/core/upstream/forward.ts';
import { upstream } from '../../../../lib/core/upstream/upstream.ts';
import { errorPages } from '../../../../lib/error-pages/index.ts';
import { answerQuestions, optionsOfProcess } from './answering.ts';

export interface GatewayOptions {
  readonly servers: readonly string[];
  readonly options: ForwarderOptions;
  readonly serve: ServeOptions;
}

const { servers, options, serve: door } = optionsOfProcess() as GatewayOptions;
const pool = upstream('three', servers, options);
const ejections: unknown[] = [];
diagnostics.subscribe('sekisho:ejection', (event) => ejections.push(event));

const app = express();
app.use(balancedProxy(pool));
app.use(errorPages());

const { url } = await serve(app, { host: '127.0.0.1', ...door });
answerQuestions(
  { url },
  {
    servers: () => pool.servers,
    ejections: () => ejections,
    collect: () => globalThis.gc?.(),
    usage: () => process.memoryUsage(),
  },
);
