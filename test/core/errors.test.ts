import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { errorCodes, OptionsError, ProxyError, type ErrorCode } from '../../lib/core/errors.ts';

/** IANA's registry of proxy error types, as RFC 9209 §2.3 founded it. */
const proxyErrorTypes = new Set([
  'dns_timeout',
  'dns_error',
  'destination_not_found',
  'destination_unavailable',
  'destination_ip_prohibited',
  'destination_ip_unroutable',
  'connection_refused',
  'connection_terminated',
  'connection_timeout',
  'connection_read_timeout',
  'connection_write_timeout',
  'connection_limit_reached',
  'tls_protocol_error',
  'tls_certificate_error',
  'tls_alert_received',
  'http_request_error',
  'http_request_denied',
  'http_response_incomplete',
  'http_response_header_section_size',
  'http_response_header_size',
  'http_response_body_size',
  'http_response_trailer_section_size',
  'http_response_trailer_size',
  'http_response_transfer_coding',
  'http_response_content_coding',
  'http_response_timeout',
  'http_upgrade_failed',
  'http_protocol_error',
  'proxy_internal_response',
  'proxy_internal_error',
  'proxy_configuration_error',
  'proxy_loop_detected',
]);

for (const code of errorCodes)
  test(`${code} answers whose fault it is, whether to retry, and what the client is told`, () => {
    const error = new ProxyError(code);
    assert.match(code, /^ERR_SEKISHO_[A-Z_]+$/);
    assert.equal(error.code, code);
    assert.ok(error.status >= 400 && error.status <= 599);
    assert.equal(error.statusCode, error.status);
    assert.ok(proxyErrorTypes.has(error.proxyStatus), error.proxyStatus);
    assert.match(error.message, /^[A-Z][\w ,]+$/);
    // The client's faults are the client's to mend: no other server will take the request.
    if (error.source === 'client' || error.source === 'policy')
      assert.equal(error.retryable, false);
    if (error.source === 'client')
      assert.ok(error.status < 500 || [501, 504, 508].includes(error.status));
    else if (error.source !== 'policy') assert.ok(error.status >= 500);
  });

// What may not be sent again is a promise to users: a POST is never executed twice.
for (const [code, status, source, retryable] of [
  ['ERR_SEKISHO_BAD_FRAMING', 400, 'client', false],
  ['ERR_SEKISHO_NO_SERVER', 503, 'upstream', true],
  ['ERR_SEKISHO_QUEUE_FULL', 503, 'upstream', true],
  ['ERR_SEKISHO_CONNECT_REFUSED', 502, 'upstream', true],
  ['ERR_SEKISHO_CONNECT_TIMEOUT', 504, 'upstream', true],
  ['ERR_SEKISHO_UPSTREAM_RESET', 502, 'upstream', false],
  ['ERR_SEKISHO_HEADERS_TIMEOUT', 504, 'upstream', false],
  ['ERR_SEKISHO_TRUNCATED', 502, 'upstream', false],
  ['ERR_SEKISHO_HOOK', 500, 'proxy', false],
] as const satisfies [ErrorCode, number, string, boolean][])
  test(`${code} is ${String(status)}, of the ${source}, ${retryable ? '' : 'not '}retryable`, () => {
    const error = new ProxyError(code);
    assert.deepEqual([error.status, error.source, error.retryable], [status, source, retryable]);
  });

test('status, stage, retryable and headers can be set, all else comes from the code', () => {
  const error = new ProxyError('ERR_SEKISHO_UPSTREAM_RESET', {
    status: 504,
    stage: 'body',
    retryable: true,
    headers: { 'Retry-After': '1' },
  });
  assert.deepEqual(
    [error.status, error.statusCode, error.stage, error.retryable, error.headers],
    [504, 504, 'body', true, { 'Retry-After': '1' }],
  );
  assert.equal(error.message, new ProxyError('ERR_SEKISHO_UPSTREAM_RESET').message);
});

test('no failure carries a stack of its own', () => {
  const limit = Error.stackTraceLimit;
  assert.doesNotMatch(new ProxyError('ERR_SEKISHO_CONNECT_REFUSED').stack ?? '', /\n/);
  assert.doesNotMatch(new ProxyError('ERR_SEKISHO_BAD_PATH').stack ?? '', /\n/);
  assert.doesNotMatch(new ProxyError('ERR_SEKISHO_BODY_CONSUMED').stack ?? '', /\n/);
  assert.equal(Error.stackTraceLimit, limit);
  assert.match(new Error('another').stack ?? '', /errors\.test/);
});

test('JSON of an error has nothing of the inside, the members are there for operators', () => {
  const cause = new Error('connect 10.0.0.1:80');
  const init = { detail: 'at 10.0.0.1', server: '10.0.0.1:80', cause };
  const error = new ProxyError('ERR_SEKISHO_CONNECT_REFUSED', init);
  assert.doesNotMatch(JSON.stringify(error), /10\.0\.0\.1/);
  assert.deepEqual([error.detail, error.server, error.cause], [init.detail, init.server, cause]);
  assert.match(inspect(error), /connect 10\.0\.0\.1:80/);
});

test('without a cause there is no member of that name', () => {
  assert.equal('cause' in new ProxyError('ERR_SEKISHO_DNS'), false);
  assert.equal('cause' in new ProxyError('ERR_SEKISHO_DNS', { cause: undefined }), true);
});

test('follows the conventions by which Express and its handlers know errors', () => {
  const error = new ProxyError('ERR_SEKISHO_LOOP');
  assert.ok(error instanceof Error);
  assert.deepEqual([error.name, error.expose, error.headers], ['ProxyError', true, {}]);
});

test('OptionsError: one problem in one line, several in a list', () => {
  const one = new OptionsError('cache', ['ttl: wrong']);
  assert.equal(one.message, 'cache: ttl: wrong');
  const two = new OptionsError('cache', ['ttl: wrong', 'unknown option']);
  assert.equal(two.message, 'cache: 2 problems in the options\n  - ttl: wrong\n  - unknown option');
  assert.deepEqual(two.problems, ['ttl: wrong', 'unknown option']);
  assert.ok(two instanceof TypeError);
  assert.deepEqual([two.name, two.code], ['OptionsError', 'ERR_SEKISHO_OPTIONS']);
});
