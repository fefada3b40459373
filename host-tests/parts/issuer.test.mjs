import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { createRemoteJWKSet, jwtVerify } from 'jose';

import { startIssuer } from './issuer.mjs';
import { accessToken } from './token.mjs';

const audience = 'http://127.0.0.1:18080/mcp';
const task = {
  id: 't1',
  purpose: 'test',
  grants: [{ action: 'mcp:tools/call', resource: 'everything', object: 'echo' }],
};
const clients = { slow: { lifetime: 300, claims: { task } }, hasty: { lifetime: 2, claims: { task } } };
let running;

before(async () => {
  running = await startIssuer({ port: 0, audience, clients, secret: 's3cret' });
});
after(() => running.close());

const ask = (client, over = {}) =>
  accessToken({ issuer: running.issuer, client, secret: 's3cret', resource: audience, ...over });
const verify = (token) =>
  jwtVerify(token, createRemoteJWKSet(new URL(`${running.issuer}/jwks`)), {
    issuer: running.issuer,
    audience,
    typ: 'at+jwt',
    algorithms: ['RS256'],
  });

test('a token is an RFC 9068 access token for the task', async () => {
  const { payload, protectedHeader } = await verify(await ask('slow'));
  assert.deepEqual(payload.task, task);
  assert.equal(payload.sub, 'slow');
  assert.equal(payload.client_id, 'slow');
  assert.equal(payload.exp - payload.iat, 300);
  assert.equal(payload.aud, audience);
  assert.ok(payload.jti);
  assert.ok(protectedHeader.kid);
});

test('each client has its own lifetime', async () => {
  const { payload } = await verify(await ask('hasty'));
  assert.equal(payload.exp - payload.iat, 2);
});

test('a wrong secret and another resource are refused', async () => {
  await assert.rejects(ask('slow', { secret: 'wrong' }), /401: .*invalid_client/);
  await assert.rejects(ask('slow', { resource: 'http://127.0.0.1:1/other' }), /400: .*invalid_target/);
});
