/** An image server: every picture shows which server drew it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const colours = ['#14557b', '#9a3b26', '#3f6b2f'];

/** Starts number 1, 2 or 3 and tells its URL. */
export async function startImages(number: number, port = 0): Promise<string> {
  let drawn = 0;
  const server = createServer((req, res) => {
    if (req.url === '/health') {
      res.end('well\n');
      return;
    }
    drawn += 1;
    res.setHeader('Content-Type', 'image/svg+xml');
    res.setHeader('Cache-Control', 'no-store');
    res.end(draw(`image${number}`, `picture ${drawn}`, colours[number - 1] ?? '#444'));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function draw(title: string, subtitle: string, colour: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="180" height="120" viewBox="0 0 180 120">
  <rect width="180" height="120" rx="8" fill="${colour}"/>
  <g fill="#fff" font-family="system-ui, sans-serif" text-anchor="middle">
    <text x="90" y="58" font-size="26">${title}</text>
    <text x="90" y="86" font-size="14">${subtitle}</text>
  </g>
</svg>
`;
}
