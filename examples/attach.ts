/** An app that has its server already: attach() adds WebSockets to it and nothing else changes. */
import type { AddressInfo } from 'node:net';
import express from 'express';
import { attach, balancedProxy } from 'sekisho';
import { startEcho } from './demo/echo.ts';

const app = express();
app.use('/echo', balancedProxy(await startEcho()));

const server = attach(app.listen(Number(process.env.PORT ?? 3000)));
server.once('listening', () => {
  console.log(`new WebSocket('ws://localhost:${(server.address() as AddressInfo).port}/echo')`);
});
process.once('SIGINT', () => process.exit(0));
