/** An auth server of its own that is asked about every request and every WebSocket: its login page, its sessions, its word. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import { authGate, balancedProxy, errorPages, serve } from 'sekisho';
import { startEcho } from './demo/echo.ts';

declare module 'express-session' {
  interface SessionData {
    user: string;
  }
}

/** The auth server. In earnest it would be Authelia, authentik, oauth2-proxy, or what your company has. */
async function startAuthServer(): Promise<string> {
  const auth = express();
  const secret = randomBytes(32).toString('base64');
  auth.use(session({ secret, name: 'login', resave: false, saveUninitialized: false }));
  auth.get('/verify', (req, res) => {
    if (req.session.user !== undefined) res.set('Remote-User', req.session.user).sendStatus(204);
    else if (req.accepts(['json', 'html']) === 'html')
      res.redirect(`/login?rd=${encodeURIComponent(req.get('X-Forwarded-Uri') ?? '/')}`);
    else res.sendStatus(401);
  });
  auth.get('/login', (_req, res) =>
    res.send(
      '<form method="post"><input name="user"><input name="password" type="password"><button>Log in</button></form>',
    ),
  );
  auth.post('/login', express.urlencoded(), (req, res) => {
    const { user, password } = req.body as Record<string, string>;
    const { rd } = req.query;
    if (user !== 'alice' || password !== 'wonderland') {
      res.status(401).send('Wrong name or password\n');
      return;
    }
    // A new session for who logs in; and back to a page of this site only.
    req.session.regenerate(() => {
      req.session.user = user;
      res.redirect(303, typeof rd === 'string' && /^\/(?![/\\])/.test(rd) ? rd : '/');
    });
  });
  return listening(createServer(auth));
}

/** The server behind: it believes Remote-User, which clients cannot send any more. */
async function startReports(): Promise<string> {
  const reports = express();
  reports.use((req, res) =>
    res.type('text').send(`${req.method} ${req.url} for ${req.get('Remote-User') ?? 'nobody'}\n`),
  );
  return listening(createServer(reports));
}

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const authServer = await startAuthServer();
const app = express();
// Before the gate: whoever is to log in must get there.
app.use('/login', balancedProxy(authServer, { keepPrefix: true }));
app.use(
  authGate({
    forward: { url: `${authServer}/verify`, copyHeaders: ['Remote-User'], cookies: ['login'] },
  }),
);
app.use('/echo', balancedProxy(await startEcho()));
app.use(balancedProxy(await startReports()));
app.use(errorPages());

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`Open ${url}/reports in a browser and log in as alice with the password wonderland.`);
console.log(`curl -i ${url}/reports`);
console.log(`curl -c jar -d 'user=alice&password=wonderland' '${url}/login?rd=/reports'`);
console.log(`curl -b jar ${url}/reports`);
