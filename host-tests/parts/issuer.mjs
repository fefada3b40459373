/**
 * The issuer: an OAuth 2.0 authorization server (npm `oidc-provider`) that gives an agent an access token
 * for one task: RFC 9068 `at+jwt`, RS256, audience = the MCP address, with the client's `task` claim.
 *
 * Keys are made at start and kept in memory only. Never decides what an agent may do at the gateway.
 *
 *     ISSUER_CLIENT_SECRET=… node issuer.mjs --port 18081 --audience http://127.0.0.1:18080/mcp --clients clients.json
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { exportJWK, generateKeyPair } from 'jose';
import Provider, { errors } from 'oidc-provider';

import { required, runAsProgram } from './program.mjs';

/**
 * Starts an issuer on loopback.
 *
 * @param {object} options
 * @param {number} options.port 0 picks a free one
 * @param {string} options.audience the only resource (RFC 8707) tokens are issued for
 * @param {Record<string, {lifetime: number, claims: object}>} options.clients by `client_id`; lifetime in seconds
 * @param {string} options.secret the clients' secret (`client_secret_basic`); it says who asks, not what for
 * @returns {Promise<{issuer: string, close: () => void}>}
 */
export async function startIssuer({ port, audience, clients, secret }) {
  const server = await listening(port);
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, await configuration({ audience, clients, secret }));
  server.on('request', provider.callback());
  return { issuer, close: () => server.close() };
}

async function configuration({ audience, clients, secret }) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const signing = { ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: randomBytes(8).toString('hex') };
  return {
    clients: Object.keys(clients).map((id) => client(id, secret)),
    jwks: { keys: [signing] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    ttl: { ClientCredentials: (_ctx, _token, { clientId }) => clients[clientId].lifetime },
    extraTokenClaims: (_ctx, token) => clients[token.clientId].claims,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource, { clientId }) => {
          if (resource !== audience) throw new errors.InvalidTarget();
          return resourceServer(audience, clients[clientId].lifetime);
        },
      },
    },
  };
}

function client(id, secret) {
  return {
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  };
}

function resourceServer(audience, lifetime) {
  return {
    scope: '',
    audience,
    accessTokenTTL: lifetime,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'RS256' } },
  };
}

async function listening(port) {
  const server = createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return server;
}

await runAsProgram(import.meta, async () => {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, audience: { type: 'string' }, clients: { type: 'string' } },
  });
  const { issuer } = await startIssuer({
    port: Number(required(values, 'port')),
    audience: required(values, 'audience'),
    clients: JSON.parse(await readFile(required(values, 'clients'), 'utf8')),
    secret: required(process.env, 'ISSUER_CLIENT_SECRET'),
  });
  console.log(`issuer ${issuer}`);
});
