/** An auth service as a process of its own: a login with express-session at /session, Basic at /basic. Prints its url. */
import express from 'express';
import basicAuth from 'express-basic-auth';
import session from 'express-session';

declare module 'express-session' {
  interface SessionData {
    user: string;
  }
}

const app = express();
app.use(
  '/session',
  session({ secret: 'of this test', resave: false, saveUninitialized: false, rolling: true }),
);
app.get('/session/verify', (req, res) => {
  const { user } = req.session;
  if (user === undefined) {
    if (req.accepts('html')) res.redirect(`/session/login?rd=${req.get('X-Forwarded-Uri') ?? ''}`);
    else res.status(401).json({ error: 'login first' });
  } else if (req.get('X-Forwarded-Uri')?.startsWith('/forbidden') === true)
    res.status(403).send('not for you');
  else
    res
      .set({ 'Remote-User': user, 'Remote-Groups': 'staff, ops', 'X-Tenant': 'acme' })
      .sendStatus(200);
});
app.get('/session/login', (_req, res) => res.send('<form method="post">'));
app.post('/session/login', express.urlencoded(), (req, res) => {
  const { user, password } = req.body as { user: string; password: string };
  if (password !== 'wonderland') {
    res.status(401).send('wrong');
    return;
  }
  req.session.user = user;
  res.redirect(303, req.query.rd as string);
});
app.post('/session/logout', (req, res) => req.session.destroy(() => res.sendStatus(204)));
app.get(
  '/basic/verify',
  basicAuth({ users: { alice: 'wonderland' }, challenge: true, realm: 'service' }),
  (req, res) => res.set('Remote-User', (req as basicAuth.IBasicAuthedRequest).auth.user).send('ok'),
);

const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number };
  console.log(`http://127.0.0.1:${port}`);
});
