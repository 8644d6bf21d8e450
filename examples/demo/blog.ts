/** A blog of four plain pages that knows nothing of the prefix it is reached under: its links are relative. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { page } from './page.ts';

const posts = new Map([
  [
    'checkpoints',
    {
      title: 'Checkpoints on the highway',
      text: 'Fifty-three stations lined the road from Edo to Kyōto, and at some of them everybody had to stop: the sekisho looked at who came in and at what went out.',
    },
  ],
  [
    'hakone',
    {
      title: 'A day at Hakone',
      text: 'The gate opened at six in the morning and closed at six in the evening. Who came late spent the night at an inn.',
    },
  ],
  [
    'papers',
    {
      title: 'Papers, please',
      text: 'A travel permit named the traveller, the way and the purpose. One without a permit was turned back, and nobody argued.',
    },
  ],
]);

/** Starts it and tells its URL. */
export async function startBlog(port = 0): Promise<string> {
  const app = express();
  app.get('/', (_req, res) => {
    const items = [...posts].map(([name, post]) => `<li><a href="${name}">${post.title}</a></li>`);
    res.send(page('Notes from the road', `<ul>${items.join('')}</ul><p><a href="/">Home</a></p>`));
  });
  app.get('/:name', (req, res) => {
    const post = posts.get(req.params.name);
    if (post === undefined) {
      res.status(404).send(page('No such note', '<p><a href="./">All notes</a></p>'));
      return;
    }
    res.send(page(post.title, `<p>${post.text}</p><p><a href="./">All notes</a></p>`));
  });
  const server = app.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
