/** TLS ends here: HTTP/2 and HTTP/1.1 in front, plain HTTP behind, and a redirect for who comes without. */
import express from 'express';
import { balancedProxy, securityHeaders, serve } from 'sekisho';
import { generate } from 'selfsigned';
import { startSite } from './demo/site.ts';

// Yours would be the paths of two files: they are watched, and a renewed certificate is taken up.
const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
  keyType: 'ec',
  extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
});

const app = express();
app.use(securityHeaders());
app.use(balancedProxy(await startSite('the shop')));

const { url, redirectUrl = '' } = await serve(app, {
  port: Number(process.env.HTTPS_PORT ?? 0),
  tls: { cert, key },
  redirectFrom: Number(process.env.PORT ?? 3000),
  signals: ['SIGINT', 'SIGTERM'],
});
console.log(`curl -kL --http2 ${redirectUrl}/basket\ncurl -k ${url}/basket`);
