/**
 * Makes lib/dashboard/screenshot.png, the picture of the README, from a gateway that is really at work:
 * `node --conditions=sekisho-source test/support/dashboard-screenshot.ts [FILE [light|dark [en|ja [WIDTH]]]]`.
 * It takes three minutes, for the plots have to be filled.
 */
import { chromium } from 'playwright-core';
import { startScene } from '../dashboard/scene.ts';

const [
  file = 'lib/dashboard/screenshot.png',
  colorScheme = 'light',
  locale = 'en',
  width = '1280',
  seconds = '180',
] = process.argv.slice(2);
const ends: (() => unknown)[] = [];
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const length = Number(seconds) * 1000;
const hosts = [
  '127.0.1.11',
  '127.0.1.12',
  '127.0.1.13',
  '127.0.2.21',
  '127.0.2.22',
  '127.0.2.23',
  '127.0.3.31',
];
const scene = await startScene(
  { after: (end) => void ends.push(end) },
  { title: 'gateway.example', history: Math.max(60_000, length) },
  hosts.map((host) => `${host}:8080`),
);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
scene.load(14);
await pause(length * 0.4);
scene.images[2]?.kill();
await scene.trouble();
await pause(length * 0.2);
await scene.images[2]?.revive();
await pause(length * 0.1);
const [, , failing] = scene.shop;
if (failing !== undefined) failing.failing = 0.08;
await pause(length * 0.15);
scene.images[0]?.kill();
await scene.trouble();
await pause(length * 0.15);

const page = await browser.newPage({
  viewport: { width: Number(width), height: 1270 },
  colorScheme: colorScheme === 'dark' ? 'dark' : 'light',
  locale: locale === 'ja' ? 'ja-JP' : 'en-GB',
  httpCredentials: { username: 'operator', password: 'wonderland' },
});
await page.goto(`${scene.url}/dashboard/`);
await page.waitForSelector('[data-state=live]');
await pause(12_000);
await page.screenshot({ path: file });
await browser.close();
for (const end of ends) await end();
process.exit();
