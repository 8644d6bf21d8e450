/** A real OpenID Connect provider on a free port, and a browser without a window that logs in with it. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider, type Configuration } from 'oidc-provider';
import { request } from 'undici';

/** A test's context, or `{ after }` of node:test for a provider that all tests of a file share. */
export interface Owner {
  after(done: () => void | Promise<void>): void;
}

export interface TestProvider {
  readonly issuer: string;
  readonly provider: Provider;
  readonly server: Server;
  /** What userinfo says of everybody, besides name and address; to be changed. */
  readonly claims: Record<string, unknown>;
  /** The token requests so far, by their kind of grant. */
  readonly grants: string[];
  /** Registers a gateway; it has to be there before anybody logs in. */
  client(origin: string): { clientId: string; clientSecret: string };
}

export async function startProvider(
  t: Owner,
  configuration: Configuration = {},
): Promise<TestProvider> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const claims: Record<string, unknown> = { groups: ['staff'] };
  const grants: string[] = [];
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const clients = new Map<string, object>();
  const provider = quietly(
    () =>
      new Provider(issuer, {
        jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: 'one' }] },
        cookies: { keys: ['a key for the tests of cookies'] },
        claims: {
          openid: ['sub', 'groups'],
          profile: ['preferred_username', 'name'],
          email: ['email', 'email_verified'],
        },
        findAccount: (_ctx, id) => ({
          accountId: id,
          claims: () => ({
            sub: id,
            preferred_username: id,
            email: `${id}@example.com`,
            email_verified: true,
            ...claims,
          }),
        }),
        issueRefreshToken: () => Promise.resolve(true),
        rotateRefreshToken: true,
        ttl: {
          AccessToken: 600,
          RefreshToken: 3600,
          Grant: 3600,
          IdToken: 3600,
          Interaction: 600,
          Session: 3600,
        },
        features: {
          backchannelLogout: { enabled: true },
          revocation: { enabled: true, allowedPolicy: () => Promise.resolve(true) },
          rpInitiatedLogout: {
            logoutSource: (ctx, form) =>
              void (ctx.body = `${form}<button form="op.logoutForm" name="logout" value="yes">Yes`),
            postLogoutSuccessSource: (ctx) => void (ctx.body = 'logged out of the provider'),
          },
        },
        // Its own agent keeps away from this machine, where the gateways of tests are.
        fetch: (url, options) => {
          const { method = 'GET', body = null, headers = {} } = options ?? {};
          return fetch(url, { method, body, headers });
        },
        ...configuration,
      }),
  );
  // Clients come and go with the tests, so they are looked up here.
  const find = provider.Client.find.bind(provider.Client);
  const Client = provider.Client as unknown as new (metadata: object) => RegisteredClient;
  provider.Client.find = async (id) => {
    const metadata = clients.get(id);
    return metadata === undefined ? find(id) : new Client(metadata);
  };
  provider.on('grant.success', (ctx) => grants.push(String(ctx.oidc.params?.grant_type)));
  provider.on('grant.error', (ctx) => grants.push(`failed ${String(ctx.oidc.params?.grant_type)}`));
  const callback = provider.callback();
  server.on('request', (req, res) => void callback(req, res));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    issuer,
    provider,
    server,
    claims,
    grants,
    client(origin) {
      const clientId = `gateway-${clients.size + 1}`;
      const clientSecret = 'the secret of the gateway, long enough';
      clients.set(clientId, {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${origin}/oauth2/callback`],
        post_logout_redirect_uris: [`${origin}/bye`],
        backchannel_logout_uri: `${origin}/oauth2/backchannel-logout`,
        backchannel_logout_session_required: true,
        grant_types: ['authorization_code', 'refresh_token'],
      });
      return { clientId, clientSecret };
    },
  };
}

type RegisteredClient = InstanceType<Provider['Client']>;

/** The provider tells at length that it is not configured for the world. */
function quietly<T>(make: () => T): T {
  const { warn, info } = console;
  console.warn = console.info = () => undefined;
  try {
    return make();
  } finally {
    Object.assign(console, { warn, info });
  }
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Keeps cookies and follows redirects as browsers do, save that cookies know ports. */
export class CookieJar {
  /** By origin, then by name. */
  readonly cookies = new Map<string, Map<string, string>>();

  /** One request, without following redirects. */
  async ask(url: string, { method = 'GET', headers = {}, form }: AskOptions = {}): Promise<Page> {
    const { origin } = new URL(url);
    const cookies = this.of(origin);
    const answer = await request(url, {
      method: (form === undefined ? method : 'POST') as 'GET',
      headers: {
        accept: 'text/html',
        ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...(cookies.size > 0 && {
          cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        }),
        ...headers,
      },
      body: form === undefined ? null : new URLSearchParams(form).toString(),
    });
    const fields = new Headers(
      Object.entries(answer.headers).flatMap(([name, value]) =>
        [value ?? []].flat().map((one): [string, string] => [name, one]),
      ),
    );
    for (const line of fields.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      const gone = /; ?max-age=0\b/i.test(line) || /expires=thu, 01 jan 1970/i.test(line);
      if (gone || value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return {
      url,
      status: answer.statusCode,
      headers: fields,
      text: await answer.body.text(),
    };
  }

  /** Follows redirects, up to 20, and fills in the provider's forms as this user. */
  async visit(url: string, user = 'mia', options: AskOptions = {}): Promise<Page> {
    let page = await this.ask(url, options);
    for (let step = 0; step < 20; step++) {
      const location = page.headers.get('location');
      if (location !== null) page = await this.ask(new URL(location, page.url).href);
      else {
        const form = formOf(page);
        if (form === undefined) return page;
        page = await this.ask(new URL(form.action, page.url).href, {
          form: {
            ...form.fields,
            ...(form.fields.prompt === 'login' && { login: user, password: 'x' }),
          },
        });
      }
    }
    throw new Error(`no end of redirects at ${page.url}`);
  }

  of(origin: string): Map<string, string> {
    const found = this.cookies.get(origin) ?? new Map<string, string>();
    this.cookies.set(origin, found);
    return found;
  }
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
}

/** A form of the provider's: login, consent or logout. */
function formOf({ text }: Page): { action: string; fields: Record<string, string> } | undefined {
  const [, action] =
    /<form[^>]*action="([^"]*\/(?:interaction\/[^"]*|session\/end\/confirm))"/.exec(text) ?? [];
  if (action === undefined) return undefined;
  const fields: Record<string, string> = action.endsWith('confirm') ? { logout: 'yes' } : {};
  for (const [tag] of text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    const [, name = ''] = /name="([^"]*)"/.exec(tag) ?? [];
    fields[name] = /value="([^"]*)"/.exec(tag)?.[1] ?? '';
  }
  return { action, fields };
}
