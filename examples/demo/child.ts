/** What a demo server's process runs: its arguments say which one, and on which port. */
import { startBlog } from './blog.ts';
import { startEcho } from './echo.ts';
import { startImages } from './images.ts';

const [kind = '', port = '0'] = process.argv.slice(2);

// Ctrl-C reaches every process of the terminal; the gateway finishes first and then ends us.
process.on('SIGINT', () => undefined);
// Whatever became of the gateway: nobody needs us any more.
process.on('disconnect', () => process.exit());

process.send?.(await start(kind, Number(port)));

function start(name: string, at: number): Promise<string> {
  if (name === 'blog') return startBlog(at);
  if (name === 'echo') return startEcho(at);
  return startImages(Number(name.replace('image', '')), at);
}
