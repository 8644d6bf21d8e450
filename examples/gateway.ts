/**
 * A gateway with all it takes, in the recommended order, in front of real servers, which it starts itself: a blog, three
 * image servers and an echo. Run it with `npm start`, or `PORT=8080 npm start`; Ctrl-C ends all of it.
 */
import express, { Router, type NextFunction, type Request, type Response } from 'express';
import {
  accessLog,
  anonymizer,
  audit,
  authGate,
  cache,
  dashboard,
  egressGuard,
  errorPages,
  forwardProxy,
  metrics,
  prefixRouter,
  securityHeaders,
  serve,
  upstream,
  urlFilter,
  virusScanner,
} from 'sekisho';
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
  { healthCheck: { path: '/health', interval: '1s' } },
);
const router = prefixRouter({ '/blog': blog.url, '/image': images, '/echo': echo.url });
// The blog says nothing of how long its pages are good; here they are for ten seconds.
const pages = cache('10 seconds');

const app = express();
// 1 What sees everything.
app.use(accessLog('combined'), metrics());
// 2 What every answer gets. The one change to helmet's defaults: this gateway has no https to upgrade to.
app.use(
  securityHeaders({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }),
);
// 3 What nobody gets to see, however it is spelled.
app.use(
  urlFilter({ deny: ['/blog/drafts', '/**/*.php', '/**/.*'], page: { contact: 'the desk' } }),
);
// 4 The page that shows the gateway at work, for those with a password.
app.use(
  '/dashboard',
  authGate({ basic: { users: { demo: 'demo' }, realm: 'Dashboard' } }),
  dashboard({ actions: true, upstreams: [images], caches: { blog: pages }, audit }),
);
// 5 The reverse proxy. With a ClamAV at hand (CLAMD=/run/clamav/clamd.ctl) pictures are checked for viruses.
const { CLAMD } = process.env;
if (CLAMD !== undefined) app.use('/image', virusScanner({ clamd: { socket: CLAMD } }));
app.use('/blog', pages);
app.use(router);
// 6 The forward proxy, for this machine only.
app.use(
  Router().use(
    egressGuard({ mode: 'monitor' }),
    anonymizer(),
    forwardProxy({ clients: ['127.0.0.1', '::1'] }),
  ),
);
// 7 The app's own pages, and what there is to say when nothing else fits.
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
  ${url}/dashboard/    the gateway at work (user demo, password demo)
  ${url}/metrics       the same for Prometheus

  curl -i ${url}/blog/hakone        (twice: Cache-Status tells the second from the first)
  curl -i ${url}/echo --data hello
  curl -i ${url}/blog/%64rafts/1    (refused, however it is spelled)
  curl -x ${url} http://example.com/   (the same port is a forward proxy, for this machine)
  for i in 1 2 3 4 5 6; do curl -s ${url}/image/a.svg | grep image; done

Kill an image server and ask for pictures again; it comes back after ten seconds:

  kill -9 ${victim}

Processes: ${demo.map(({ name, pid }) => `${name} ${pid ?? ''}`).join(', ')}
Ctrl-C ends everything.
`);
}
