/** Name and password in front of a server: kept as hashes, locked for who guesses, and not handed on. */
import express from 'express';
import { authGate, balancedProxy, errorPages, serve } from 'sekisho';
import { startSite } from './demo/site.ts';

// Made by `htpasswd -nB alice`. Or leave them in the file that htpasswd writes: `file: '/etc/sekisho/htpasswd'`.
const users = {
  alice: '$2y$10$KBU4Y1lmpwuE9r6RRFD20ulfNJtLKtWI0ZJrF5bYoDc.TNtWNeqL2', // wonderland
  bob: '$2y$10$Ne16nbOL9QDdnc2FZ5sVouBvoRD2o5lEHMfc12bdsdogZ3C.Xs4wS', // builder
};

const app = express();
app.use(
  '/admin',
  authGate({
    basic: { users, realm: 'Administration' },
    allow: (user, req) => user.name === 'alice' || req.method === 'GET',
    lockout: true,
  }),
  balancedProxy(await startSite('the console')),
);
app.use(balancedProxy(await startSite('the shop')));
app.use(errorPages());

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl -i ${url}/admin/users`);
console.log(`curl -u alice:wonderland -X DELETE ${url}/admin/users/7`);
console.log(`curl -i -u bob:builder -X DELETE ${url}/admin/users/7`);
console.log(`for i in 1 2 3 4 5 6; do curl -is -u bob:guess$i ${url}/admin/ | head -1; done`);
