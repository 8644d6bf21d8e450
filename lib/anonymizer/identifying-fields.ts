/**
 * Request fields that tell of the client, its user, its network or what is on its inside; `*` at the end stands for any
 * rest. Not among them: what sites need (Cookie, Authorization, keys and tokens, Accept-Language, Idempotency-Key), and
 * what is said to protect the user (DNT, Sec-GPC).
 */
export const identifyingFields: readonly string[] = [
  // The way (RFC 7239, RFC 9110 §7.6.3) and what proxies and balancers say in fields of their own.
  ...words(`
    forwarded forwarded-* x-forwarded x-forwarded-* x-forward-for x-forwarder-for z-forwarded-for
    http-x-forwarded-for via client-ip http-client-ip proxy-client-ip wl-proxy-client-ip cluster-client-ip
    true-client-ip real-ip remote-addr remote-host x-client-ip x-client-addr x-client-host x-client-hostname
    x-client-port x-true-client-ip x-true-ip x-ip x-ip-address x-cluster-* x-coming-from x-envoy-* x-host
    x-original-* x-originating-* x-peer-ip x-peer-addr x-proxy-* x-proxyuser-* x-bluecoat-* x-real-* x-remote-*
    x-rewrite-url x-source-ip x-source-host x-source-port x-url-scheme x-varnish front-end-https
  `),
  // Front ends of clouds and CDNs: address, place, device and certificate of their client. Not what their customers
  // have to send, such as `Fastly-Key`, `CF-Access-Client-Secret` or the signed `x-amz-*` and `x-ms-*`.
  ...words(`
    akamai-client-ip akamai-bot akamai-origin-hop akamai-reputation akamai-user-risk x-akamai-client-*
    x-akamai-config-log-detail x-akamai-device-characteristics x-akamai-edge* x-akamai-request-id
    x-akamai-user-* ali-cdn-real-ip eagleeye-* eagleid cdn-client-ip cdn-connectionid cdn-loop cdn-real-ip
    cdn-request* cdn-src-ip cf-access-authenticated-* cf-access-jwt-assertion cf-bot-* cf-cert-*
    cf-client-cert-* cf-connecting-* cf-device-type cf-ew-via cf-ip* cf-ja3* cf-ja4* cf-metro-code
    cf-postal-code cf-pseudo-* cf-ray cf-region* cf-timezone cf-visitor cf-warp-* cf-worker cloudfront-*
    x-amz-cf-id x-amzn-lambda-* x-amzn-mtls-* x-amzn-oidc-* x-amzn-request-id x-amzn-requestid x-amzn-source-*
    x-amzn-tls-* x-amzn-trace-id x-amzn-vpc* x-azure-* x-appservice-proto x-arr-* x-fd-* x-ms-client-principal*
    x-ms-token-* x-site-deployment-id x-waws-* disguised-host was-default-hostname x-appengine-*
    x-cloud-trace-context x-gclb-* x-goog-authenticated-user-* x-goog-iap-* do-connecting-ip fastly-client*
    fastly-ff fastly-orig-* fastly-ssl fastly-temp-* fly-client-* fly-dispatch-start fly-forwarded-* fly-region
    fly-request-id fly-traceparent fly-tracestate incap-* x-heroku-* x-nf-client-* x-nf-geo x-nf-request-id
    x-sigsci-* x-sucuri-* x-vercel-deployment-url x-vercel-forwarded-for x-vercel-id x-vercel-ip-*
    x-vercel-ja4-digest x-vercel-proxied-for x-city x-country x-country-code x-country-name x-geo x-geo-*
    x-geoip-* x-region
  `),
  // Machines and pages on the inside.
  ...words(`
    ping-from ping-to x-backend x-backend-* x-hostname x-instance x-instance-* x-kubernetes-* x-k8s-* x-node
    x-node-id x-node-name x-origin-server x-pod x-pod-* x-served-by x-server x-server-addr x-server-ip
    x-server-name x-upstream x-upstream-* x-worker-id
  `),
  // Who the user is, as gates and filters inside tell each other. Not what is a credential
  // somewhere: `X-Auth-User`, `X-Auth-Email`.
  ...words(`
    from client-cert client-cert-chain iv-creds iv-groups iv-user remote-email remote-groups remote-name
    remote-user sm-user ssl-client-* tailscale-* x-auth-groups x-auth-name x-auth-request-* x-auth-username
    x-authelia-* x-authenticated-* x-authentik-* x-client-cert* x-client-dn x-client-subject* x-client-verify
    x-consumer-* x-credential-identifier x-email x-email-address x-employee-id x-groups x-identity
    x-logged-in-user x-login x-login-name x-mail x-pomerium-claim-* x-pomerium-jwt-assertion x-roles
    x-sekisho-assertion x-ssl-* x-sso-user x-user x-userid x-username x-userinfo x-user-agent x-user-dn
    x-user-email x-user-groups x-user-id x-user-info x-user-ip x-user-login x-user-name x-user-principal*
    x-user-roles x-vouch-* x-webauth-*
  `),
  // What identifies one installation, device or subscriber.
  ...words(`
    device-id device-stock-ua x-acr x-advertising-id x-android-id x-att-deviceid x-chrome-* x-client-data
    x-deviceid x-device-fingerprint x-device-id x-device-info x-device-model x-device-name x-device-os
    x-device-serial x-device-type x-device-user-agent x-device-uuid x-goog-visitor-id x-idfa x-idfv x-imei
    x-imsi x-install-id x-installation-id x-machine-id x-machine-name x-msedge-* x-msisdn x-network-info
    x-nokia-* x-operamini-* x-serial-number x-ucbrowser-* x-uidh x-up-* x-vf-acr x-visitor-id x-wap-*
  `),
  // What advertising asks of browsers (Topics, Attribution Reporting, Shared Storage, Protected Audience).
  ...words(`
    attribution-reporting-* sec-ad-auction-fetch sec-browsing-topics sec-cookie-deprecation sec-shared-storage-*
  `),
  // What ties requests to each other and to traces of the inside (W3C Trace Context, Baggage, B3 and their like).
  ...words(`
    traceparent tracestate baggage b3 x-b3-* correlation-context correlation-id elastic-apm-* grpc-trace-bin
    jaeger-* ms-cv newrelic ot-baggage-* ot-tracer-* pinpoint-* request-context request-id sentry-trace sw6 sw8*
    trace-id uber-trace-id uberctx-* unique-id x-correlation* x-datadog-* x-dynatrace* x-honeycomb-* x-instana-*
    x-newrelic-* x-ot-span-context x-queue-start x-request-id x-requestid x-request-start x-span-id x-trace
    x-trace-id x-traceid x-tracing-* x-transaction-id x-unique-id
  `),
];

/** What clients say of themselves when asked (RFC 8942, User-Agent Client Hints, Device Memory, Network Information). */
export const clientHints: readonly string[] = [
  'sec-ch-*',
  'device-memory',
  'dpr',
  'width',
  'viewport-width',
  'rtt',
  'downlink',
  'ect',
  'save-data',
];

/** Those that browsers send to everybody: no more than the generalised User-Agent has, and the wish to save data. */
export const lowEntropyHints: readonly string[] = [
  'sec-ch-ua',
  'sec-ch-ua-mobile',
  'sec-ch-ua-platform',
  'save-data',
];

/** Answer fields that ask for hints; a critical one that is not sent would have the browser ask twice. */
export const hintRequests: readonly string[] = ['accept-ch', 'accept-ch-lifetime', 'critical-ch'];

/** Answer fields by which servers on the inside tell of themselves, their proxies and their tracers. */
export const internalTraces: readonly string[] = [
  'via',
  'x-backend',
  'x-backend-host',
  'x-backend-server',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-server',
  'x-host',
  'x-hostname',
  'x-instance',
  'x-instance-id',
  'x-node',
  'x-pod',
  'x-pod-name',
  'x-real-ip',
  'x-served-by',
  'x-server',
  'x-server-name',
  'x-upstream',
  'x-upstream-addr',
  'x-client-ip',
  'x-envoy-decorator-operation',
  'x-envoy-upstream-service-time',
  'traceparent',
  'traceresponse',
  'tracestate',
  'x-b3-spanid',
  'x-b3-traceid',
  'x-amzn-trace-id',
  'x-cloud-trace-context',
  'uber-trace-id',
];

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
