const platforms: readonly (readonly [mark: RegExp, platform: string])[] = [
  [/Android/, 'Linux; Android 10; K'],
  [/iPhone|iPod/, 'iPhone; CPU iPhone OS 17_0 like Mac OS X'],
  [/iPad/, 'iPad; CPU OS 17_0 like Mac OS X'],
  [/Windows/, 'Windows NT 10.0; Win64; x64'],
  [/Macintosh/, 'Macintosh; Intel Mac OS X 10_15_7'],
  [/CrOS/, 'X11; CrOS x86_64 14541.0.0'],
  [/Linux|X11/, 'X11; Linux x86_64'],
];

const webKit = 'AppleWebKit/537.36 (KHTML, like Gecko)';

/**
 * A User-Agent with no more than the family of the client, its major version and the family of its system: what browsers
 * say since they have reduced theirs (Chromium's User-Agent Reduction), for all of them, and `curl/8` for other
 * programs.
 *
 * @returns undefined when nothing is left
 */
export function generalised(userAgent: string): string | undefined {
  return userAgent.startsWith('Mozilla/') ? browser(userAgent) : program(userAgent);
}

function browser(userAgent: string): string {
  const platform = platforms.find(([mark]) => mark.test(userAgent))?.[1];
  if (platform === undefined) return 'Mozilla/5.0';
  const mobile = / Mobile\b/.test(userAgent) ? ' Mobile' : '';
  const firefox = major(userAgent, 'Firefox');
  if (firefox !== undefined) {
    const system = platform.startsWith('Linux; Android') ? 'Android 10; Mobile' : platform;
    return `Mozilla/5.0 (${system}; rv:${firefox}.0) Gecko/20100101 Firefox/${firefox}.0`;
  }
  const chrome = major(userAgent, 'Chrome');
  if (chrome !== undefined) {
    const edge = major(userAgent, 'Edg') ?? major(userAgent, 'EdgA');
    const brand = edge === undefined ? '' : ` Edg/${edge}.0.0.0`;
    return `Mozilla/5.0 (${platform}) ${webKit} Chrome/${chrome}.0.0.0${mobile} Safari/537.36${brand}`;
  }
  const safari = major(userAgent, 'Version');
  if (safari === undefined) return 'Mozilla/5.0';
  return `Mozilla/5.0 (${platform}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${safari}.0${mobile} Safari/605.1.15`;
}

function major(userAgent: string, product: string): string | undefined {
  return new RegExp(`\\b${product}/(\\d{1,4})`).exec(userAgent)?.[1];
}

/** The first product, without the rest of its version; what follows names libraries, systems and users. */
function program(userAgent: string): string | undefined {
  const [, name, version] = /^([\w!#$%&'*+.^`|~-]{1,64})(?:\/v?(\d{1,4}))?/.exec(userAgent) ?? [];
  return version === undefined ? name : `${name as string}/${version}`;
}
