import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { maskUrl, maskValue } from '../../lib/access-log/mask.ts';
import { secretNames } from '../../lib/access-log/secret-names.ts';

const isSecret = secretNames([]);

const rows: readonly [url: string, masked: string][] = [
  ['/a?b=c', '/a?b=c'],
  ['/a?token=t', '/a?token=***'],
  ['/a?b=c&access_token=t&d=e', '/a?b=c&access_token=***&d=e'],
  [
    '/a?api_key=k&apikey=k&apiKey=k&X-API-Key=k',
    '/a?api_key=***&apikey=***&apiKey=***&X-API-Key=***',
  ],
  ['/cb?code=c&state=s', '/cb?code=***&state=***'],
  ['/a?zipcode=1&postcode=2&estate=3&monkey=4', '/a?zipcode=1&postcode=2&estate=3&monkey=4'],
  ['/a?user[password]=p', '/a?user[password]=***'],
  ['/a?%74oken=t', '/a?%74oken=***'],
  ['/a?PASSWORD=p;sid=s', '/a?PASSWORD=***;sid=***'],
  [
    '/f?X-Amz-Signature=s&X-Amz-Credential=c&X-Amz-Date=d',
    '/f?X-Amz-Signature=***&X-Amz-Credential=***&X-Amz-Date=d',
  ],
  ['/f?sig=abc&se=2026', '/f?sig=***&se=2026'],
  ['/a?token=', '/a?token='],
  ['/a?token', '/a?token'],
  ['/a?x=1?token=t', '/a?x=1?token=***'],
  ['http://user:pass@a.example/b?c=d', 'http://***@a.example/b?c=d'],
  ['/go?to=http://user:pass@a.example/', '/go?to=http://***@a.example/'],
  ['/@user/a', '/@user/a'],
  ['a.example:443', 'a.example:443'],
  ['/a;jsessionid=1', '/a;jsessionid=***'],
  ['/cb#access_token=t', '/cb#access_token=***'],
  ['/a?%zz=1&token=t', '/a?%zz=1&token=***'],
  ['/a?token=t?u', '/a?token=***'],
  ['/token=t/a', '/token=t/a'],
  ['/a?token=?t', '/a?token=***'],
  ['/a?token=%3Ft&b=c', '/a?token=***&b=c'],
  ['/a?pass=t%26b%3Dc&d=e', '/a?pass=***&d=e'],
  ['/a?%74oken%zz=t', '/a?%74oken%zz=***'],
  ['/a?%2574oken=t', '/a?%2574oken=***'],
  ['/a?token%3Dt', '/a?token%3D***'],
  ['/a?token%00=t&token.=t&token%5B%5D=t', '/a?token%00=***&token.=***&token%5B%5D=***'],
  [
    '/go?to=http%3A%2F%2Fx%2F%3Ftoken%3Dt%26b%3Dc&d=e',
    '/go?to=http%3A%2F%2Fx%2F%3Ftoken%3D***%26b%3Dc&d=e',
  ],
  ['/go?to=%2Fa%253Fto%253Db%2526sig%253Dt', '/go?to=%2Fa%253Fto%253Db%2526sig%253D***'],
  ['/go?to=http%3A%2F%2Fu%3Ap%40x%2Fa', '/go?to=http%3A%2F%2F***@x%2Fa'],
  ['/go?data=token%3Dt', '/go?data=token%3D***'],
  ['http://u:p@q@a.example/b', 'http://***@a.example/b'],
];

for (const [url, masked] of rows)
  test(`${url} is logged as ${masked}`, () => {
    assert.equal(maskUrl(url, isSecret), masked);
  });

const secrets =
  'secretKey sessionKey encryptionKey authkey userPass newPass secret_id code_verifier bearer id_token_hint tokenId token1 ' +
  'accessTokenValue hmac wresult refreshToken jwtToken PASSWORD ACCESSTOKEN APIKey X-Amz-Security-Token PHPSESSID connect.sid ' +
  'pAssword userpassword to%6ben token%5f2 oauth access_key_id SAMLResponse code2 clientSecretOld';

for (const name of secrets.split(' '))
  test(`the value of ${name} is a secret`, () => {
    assert.equal(maskUrl(`/a?${name}=t`, isSecret), `/a?${name}=***`);
  });

const ordinary =
  'zipcode estate monkey turkey keyword author compass bypass design spin side resident page q utm_source email';

for (const name of ordinary.split(' '))
  test(`the value of ${name} is none`, () => {
    assert.equal(maskUrl(`/a?${name}=t`, isSecret), `/a?${name}=t`);
  });

test('URLs, queries and forms in texts of the caller’s are masked', () => {
  const value = {
    url: '/a?access_token=t&b=c',
    referers: ['http://u:p@x/?token=t'],
    form: 'password=t&b=c',
    plain: 'a, b; c = d',
  };
  assert.deepEqual(maskValue(value, isSecret), {
    url: '/a?access_token=***&b=c',
    referers: ['http://***@x/?token=***'],
    form: 'password=***&b=c',
    plain: 'a, b; c = d',
  });
  assert.equal(maskValue('/a?sig=t', isSecret), '/a?sig=***');
});

test('names of the caller’s are masked besides, whatever their case', () => {
  const own = secretNames(['Ssn', /^card/gi]);
  assert.equal(
    maskUrl('/a?ssn=1&cardNo=2&cardNo=3&x=4', own),
    '/a?ssn=***&cardNo=***&cardNo=***&x=4',
  );
});

test('the value of a secret never comes through, wherever the pair stands', () => {
  const name = fc.constantFrom('token', 'Access_Token', 'password', '%63ode', 'api-key', 'sig');
  const before = fc.array(fc.constantFrom('a=b', 'c', '=', '&', 'd=%', '?', ';e=f', 'token'));
  fc.assert(
    fc.property(name, before, (secret, others) => {
      const url = `/a?${others.map((one) => `${one}&`).join('')}${secret}=S3cr3t`;
      assert.doesNotMatch(maskUrl(url, isSecret), /S3cr3t/);
    }),
  );
});

test('long and hostile queries take no time', () => {
  const started = process.cpuUsage().user;
  for (const part of [
    'a=',
    '&',
    'token=',
    '%',
    '@',
    '://',
    '=',
    '%25',
    '%3A%2F%2F',
    '%3D',
    '%40',
    'Aa',
  ])
    maskUrl(`/a?${part.repeat(20_000)}`, isSecret);
  assert.ok(process.cpuUsage().user - started < 2_000_000);
});

test('a value of the caller’s is masked by the names of its members, and has an end', () => {
  const endless: Record<string, unknown> = { b: 1 };
  endless.self = endless;
  const value = maskValue(
    {
      headers: { Authorization: 'Basic x', cookie: 'a', 'set-cookie': ['b'], accept: '*/*' },
      endless,
    },
    isSecret,
  );
  const text = JSON.stringify(value);
  assert.deepEqual((value as { headers: object }).headers, {
    Authorization: '***',
    cookie: '***',
    'set-cookie': '***',
    accept: '*/*',
  });
  assert.ok(text.length < 500);
});
