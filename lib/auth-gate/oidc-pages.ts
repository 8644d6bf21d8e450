import type { Response } from 'express';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}

function send(res: Response, title: string, body: string, head = ''): void {
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader(
    'Content-Security-Policy',
    "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  );
  res.setHeader('X-Frame-Options', 'DENY');
  res.setHeader('Referrer-Policy', 'no-referrer');
  res
    .status(200)
    .type('html')
    .send(
      `<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">${head}<title>${title}</title>\n<h1>${title}</h1>\n${body}\n</html>\n`,
    );
}

/** Asks, because anybody's page could have a link to the logout of ours. */
export function askForLogout(res: Response, logoutPath: string): void {
  send(
    res,
    'Log out?',
    `<form method="post" action="${escaped(logoutPath)}"><button type="submit">Log out</button></form>`,
  );
}

/**
 * Goes on to another origin after a form was sent. A redirect would not do: the page with the form may have a policy
 * (`form-action 'self'`, as helmet sets it), and browsers hold redirects of the form to it.
 */
export function goOn(res: Response, url: string): void {
  const href = escaped(url);
  send(
    res,
    'Logging out',
    `<p><a href="${href}">Go on</a></p>`,
    `<meta http-equiv="refresh" content="0;url=${href}">`,
  );
}

export function loggedOut(res: Response): void {
  send(res, 'Logged out', '<p>You are logged out here.</p>');
}
