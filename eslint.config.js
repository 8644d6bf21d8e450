import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** DESIGN: http ← core ← core/upstream, core/server ← capability ← index.ts; everyone imports only leftwards. */
const capabilities = [
  'access-log',
  'anonymizer',
  'apicache',
  'audit',
  'auth-gate',
  'balanced-proxy',
  'cache',
  'dashboard',
  'egress-guard',
  'error-pages',
  'forward-proxy',
  'https-redirect',
  'metrics',
  'prefix-router',
  'security-headers',
  'url-filter',
  'virus-scanner',
];
/** `apicache` is another face of `cache`, and sees as much of it as a user does. */
const faces = { apicache: '(?!cache/index\\.ts$)' };
const connectionMakers = [
  'node:http',
  'node:https',
  'node:net',
  'node:tls',
  'node:http2',
  'undici',
];

/** Only core/upstream and core/server open connections; the others may name the types. */
const noConnections = {
  paths: connectionMakers.map((name) => ({
    name,
    allowTypeImports: true,
    message: 'Only core/upstream and core/server open connections; import the types.',
  })),
};

function layer(files, forbidden, { ignores = [], connections = noConnections } = {}) {
  return {
    files,
    ignores,
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          ...connections,
          patterns: forbidden.map(([regex, message]) => ({ regex, message })),
        },
      ],
    },
  };
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', 'test/package/fixtures/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      // `as` says what a value is taken for; `!` only silences.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-generic-constructors': 'off',
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval'],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Ask core/clock.ts.' },
        { object: 'Math', property: 'random', message: 'Ask core/clock.ts.' },
      ],
    },
  },
  layer(['lib/core/http/**'], [['^\\.\\./', 'core/http imports nothing but itself.']]),
  layer(
    ['lib/core/*.ts'],
    [
      ['^\\./(?:upstream|server)/', 'core does not know core/upstream or core/server.'],
      ['^\\.\\./', 'core imports no capability.'],
    ],
  ),
  layer(
    ['lib/core/exchange/**'],
    [
      ['^\\.\\./(?:upstream|server)/', 'core does not know core/upstream or core/server.'],
      ['^\\.\\./\\.\\./', 'core imports no capability.'],
    ],
    { connections: {} },
  ),
  layer(
    ['lib/core/upstream/**', 'lib/core/server/**'],
    [
      [`/(?:${capabilities.join('|')})/`, 'core imports no capability.'],
      [
        '\\.\\./(?:\\.\\./)?(?:server|upstream)/(?!\\.)',
        'core/upstream and core/server do not know each other.',
      ],
    ],
    { connections: {} },
  ),
  ...capabilities.map((own) =>
    layer(
      [`lib/${own}/**`],
      [
        [
          `^\\.\\./${faces[own] ?? ''}(?:${capabilities.filter((other) => other !== own).join('|')})/`,
          'Capabilities never import each other.',
        ],
        ['^\\.\\./index', 'Capabilities do not import the index.'],
      ],
    ),
  ),
  layer(['lib/index.ts'], []),
  {
    files: ['lib/core/clock.ts', 'test/**', 'examples/**'],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' },
  },
  {
    files: ['test/**', 'examples/**'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'describe', 'it', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
    },
  },
  // The dashboard's page runs in browsers as it is written; its own test type-checks it.
  {
    files: ['lib/dashboard/page/**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: {
      'no-undef': 'off',
      'no-restricted-globals': 'off',
      'no-restricted-properties': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  { files: ['eslint.config.js'], extends: [tseslint.configs.disableTypeChecked] },
);
