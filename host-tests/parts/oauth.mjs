/**
 * A whole authorization server (npm `oidc-provider`) for tests: access tokens and opaque tokens, DPoP, introspection,
 * revocation, discovery, and keys that can be rotated while it runs.
 *
 * It reads one JSON command per line from standard input and writes one JSON answer per line:
 *
 *     {"do":"start"}                                    → {"issuer":…}
 *     {"do":"token","client":"reporter","opaque":true}  → {"token":…}
 *     {"do":"token","client":"reporter","dpop":true}    → {"token":…}, bound to a key made at the start
 *     {"do":"prove","token":…,"method":…,"uri":…}       → {"proof":…}, with that key
 *     {"do":"rotate","keep":1}                          → {"kid":…}: a new key signs; so many old ones stay published
 *     {"do":"revoke","token":…}                         → {}
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

import { runAsProgram } from './program.mjs';

const AUDIENCE = 'https://tools.test/mcp';
const SECRET = 'not-for-anything-else-47f1';
const CLIENTS = ['reporter', 'gateway'];
/** In seconds; no longer than a test takes. */
const LIFETIME = 120;

/** Memory of tokens that outlives a rotation: oidc-provider's own in-memory adapter is the process's. */
class AuthorizationServer {
  constructor() {
    this.server = createServer();
    this.keys = [];
  }

  async start() {
    await new Promise((resolve, reject) => this.server.once('error', reject).listen(0, '127.0.0.1', resolve));
    this.issuer = `http://127.0.0.1:${this.server.address().port}`;
    this.holder = await generateKeyPair('ES256', { extractable: true });
    await this.rotate(0);
    return { issuer: this.issuer };
  }

  /** A provider's keys are fixed: a rotation is another provider at the same address. */
  async rotate(keep) {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const kid = randomBytes(8).toString('hex');
    this.keys = [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid }, ...this.keys].slice(0, keep + 1);
    const provider = new Provider(this.issuer, this.configuration());
    this.server.removeAllListeners('request');
    this.server.on('request', provider.callback());
    return { kid };
  }

  configuration() {
    const info = (resource) => ({
      scope: 'http:GET:/',
      audience: AUDIENCE,
      accessTokenTTL: LIFETIME,
      ...(resource === `${AUDIENCE}/opaque`
        ? { accessTokenFormat: 'opaque' }
        : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
    });
    return {
      clients: CLIENTS.map((id) => ({
        client_id: id,
        client_secret: SECRET,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      })),
      jwks: { keys: this.keys },
      cookies: { keys: [randomBytes(32).toString('hex')] },
      ttl: { ClientCredentials: () => LIFETIME },
      scopes: ['http:GET:/'],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        dPoP: { enabled: true },
        introspection: { enabled: true },
        revocation: { enabled: true },
        resourceIndicators: { enabled: true, getResourceServerInfo: (_ctx, resource) => info(resource) },
      },
    };
  }

  async token({ client, opaque, dpop }) {
    const endpoint = `${this.issuer}/token`;
    const body = {
      grant_type: 'client_credentials',
      resource: opaque ? `${AUDIENCE}/opaque` : AUDIENCE,
      scope: 'http:GET:/',
    };
    const headers = dpop ? { dpop: (await this.prove({ method: 'POST', uri: endpoint })).proof } : {};
    return { token: (await this.post(endpoint, body, client, headers)).access_token };
  }

  async revoke({ token }) {
    await this.post(`${this.issuer}/token/revocation`, { token }, 'reporter');
    return {};
  }

  /** RFC 9449 §4.2. */
  async prove({ token, method, uri }) {
    const ath = token && createHash('sha256').update(token).digest('base64url');
    const { kty, crv, x, y } = await exportJWK(this.holder.publicKey);
    const proof = await new SignJWT({ jti: randomUUID(), htm: method, htu: uri, ...(ath && { ath }) })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })
      .setIssuedAt()
      .sign(this.holder.privateKey);
    return { proof };
  }

  async post(url, body, client, headers = {}) {
    const authorization = `Basic ${Buffer.from(`${client}:${SECRET}`).toString('base64')}`;
    const answer = await fetch(url, { method: 'POST', headers: { ...headers, authorization }, body: new URLSearchParams(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
    return text ? JSON.parse(text) : {};
  }
}

await runAsProgram(import.meta, async () => {
  // The library's notices must not get between the answers.
  console.info = console.error;
  const server = new AuthorizationServer();
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: command, ...options } = JSON.parse(line);
    const answer = command === 'rotate' ? await server.rotate(options.keep) : await server[command](options);
    console.log(JSON.stringify(answer));
  }
  process.exit(0);
});
