/**
 * A gateway in front of real servers, which it starts itself: a blog, three image servers and an echo.
 * Run it with `npm start`, or `PORT=8080 npm start`; Ctrl-C ends all of it.
 */
import express, { type NextFunction, type Request, type Response } from 'express';
import { cache, errorPages, prefixRouter, securityHeaders, serve, upstream } from 'sekisho';
import { home } from './demo/home.ts';
import { DemoServer } from './demo/processes.ts';

const blog = new DemoServer('blog');
const echo = new DemoServer('echo');
const painters = ['image1', 'image2', 'image3'].map((name) => new DemoServer(name));
const demo = [blog, echo, ...painters];
await Promise.all(demo.map((server) => server.start()));

const images = upstream(
  'images',
  painters.map(({ url }) => url),
  { healthCheck: { path: '/health', interval: '1s', timeout: '500ms' } },
);
const router = prefixRouter({ '/blog': blog.url, '/image': images, '/echo': echo.url });

const app = express();
// The one change to helmet's defaults: this gateway has no https to upgrade to.
app.use(
  securityHeaders({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }),
);
// The blog says nothing of how long its pages are good; here they are for ten seconds.
app.use('/blog', cache('10 seconds'));
app.use(router);
app.use(home(images, (server) => painters.find(({ url }) => server === `${url}/`)));
app.use((_req: Request, res: Response, next: NextFunction) => {
  res.status(404);
  next(Object.assign(new Error('There is nothing here'), { status: 404, expose: true }));
});
app.use(errorPages());

try {
  const { url, close } = await serve(app, {
    port: Number(process.env.PORT ?? 3000),
    host: process.env.HOST ?? '127.0.0.1',
    gracePeriod: '2s',
  });
  // More than once at Ctrl-C: npm passes on what the terminal has sent already.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void close().then(stop));
  explain(url.replace('127.0.0.1', 'localhost'));
} catch (error) {
  const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  console.error((error as Error).message);
  if (taken) console.error('Choose another port, for example: PORT=3001 npm start');
  process.exitCode = 1;
  await stop();
}

async function stop(): Promise<void> {
  await Promise.all([router.close(), images.close(), ...demo.map((server) => server.stop())]);
}

function explain(url: string): void {
  const victim = painters[0]?.pid ?? '';
  console.log(`
The gateway listens on ${url}

  ${url}/              everything on one page, in a browser
  ${url}/blog/         a blog
  ${url}/image/a.svg   one of three image servers

  curl -i ${url}/blog/hakone        (twice: Cache-Status tells the second from the first)
  curl -i ${url}/echo --data hello
  for i in 1 2 3 4 5 6; do curl -s ${url}/image/a.svg | grep image; done

Kill an image server and ask for pictures again; it comes back after ten seconds:

  kill -9 ${victim}

Processes: ${demo.map(({ name, pid }) => `${name} ${pid ?? ''}`).join(', ')}
Ctrl-C ends everything.
`);
}
