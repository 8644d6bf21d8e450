/** The home page of the gateway: everything there is to try, on one page. */
import { Router } from 'express';
import type { Upstream } from 'sekisho';
import { page } from './page.ts';
import type { DemoServer } from './processes.ts';

const content = `
<p>This page comes from the app itself. Everything below goes through sekisho to other servers.</p>

<h2>Prefix routing: <code>/blog</code></h2>
<p>A <a href="/blog/">small blog</a> that does not know the prefix it is reached under.
A <a href="/blog/nowhere">page it does not have</a> gets the blog's own 404,
a <a href="/nowhere">path nobody has</a> the gateway's.</p>

<h2>Balancing: <code>/image</code></h2>
<div class="pictures" id="pictures"></div>
<p><button id="more">Six more pictures</button></p>
<table>
<thead><tr><th scope="col">Server</th><th scope="col">State</th><th scope="col">Process</th></tr></thead>
<tbody id="servers"></tbody>
</table>
<p>Kill one with <code>kill -9</code> and its process number. The pictures keep coming from the other two;
after ten seconds the server is started again and gets its share.</p>

<h2>WebSocket: <code>/echo</code></h2>
<form id="talk"><label>Message <input id="message" value="hello"></label> <button>Send</button></form>
<pre id="heard" aria-live="polite">connecting …</pre>

<h2>In a terminal</h2>
<pre id="lines"></pre>
`;

const script = `
const element = (id) => document.getElementById(id);
let count = 0;
function draw() {
  element('pictures').replaceChildren(...Array.from({ length: 6 }, () => {
    const picture = new Image();
    picture.src = '/image/' + ++count + '.svg';
    picture.alt = 'A picture that names its server';
    return picture;
  }));
}
async function refresh() {
  const servers = await fetch('/servers').then((answer) => answer.json()).catch(() => []);
  element('servers').replaceChildren(...servers.map((server) => {
    const row = document.createElement('tr');
    for (const text of [server.name, server.state, server.pid ?? 'none']) row.insertCell().textContent = text;
    return row;
  }));
}
const socket = new WebSocket(location.origin.replace('http', 'ws') + '/echo');
const hear = (line) => { element('heard').textContent = line; };
socket.onopen = () => hear('connected');
socket.onmessage = ({ data }) => hear('the echo says: ' + data);
socket.onclose = ({ code }) => hear('closed with ' + code);
element('talk').onsubmit = (event) => { event.preventDefault(); socket.send(element('message').value); };
element('more').onclick = draw;
element('lines').textContent = ['/blog/', '/image/a.svg', '/servers', '/nowhere'].map((path) => 'curl -i ' + location.origin + path)
  .concat('curl -i ' + location.origin + "/echo --data 'hello'").join('\\n');
draw();
refresh();
setInterval(refresh, 1000);
`;

/** The routes of the page; `find` names the process behind a server's URL. */
export function home(images: Upstream, find: (url: string) => DemoServer | undefined): Router {
  const router = Router();
  router.get('/', (_req, res) => {
    res.send(page('sekisho', `${content}<script src="/home.js"></script>`));
  });
  router.get('/home.js', (_req, res) => {
    res.type('text/javascript').send(script);
  });
  router.get('/servers', (_req, res) => {
    res.json(
      images.servers.map(({ url, state }) => {
        const { name, pid = null } = find(url) ?? { name: url };
        return { name, state, pid };
      }),
    );
  });
  return router;
}
