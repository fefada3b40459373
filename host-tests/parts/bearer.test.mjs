import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { after, before, test } from 'node:test';

import { startBearer } from './bearer.mjs';

let behind, proxy, handler;

before(async () => {
  behind = createServer((...exchange) => handler(...exchange)).listen(0, '127.0.0.1');
  await once(behind, 'listening');
  proxy = await startBearer({ port: behind.address().port, token: 't0k3n' });
});
after(() => {
  proxy.close();
  behind.close();
  behind.closeAllConnections();
});

test('a request arrives as it was sent, with the token', async () => {
  handler = async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { authorization, host, origin } = request.headers;
    response.writeHead(418, { 'x-seen': 'yes' }).end(JSON.stringify([request.method, authorization, host, origin, body]));
  };
  const sent = request(proxy.url, { method: 'POST', headers: { host: 'evil.test', origin: 'http://evil.test' } });
  sent.end('hello');
  const [response] = await once(sent, 'response');
  let body = '';
  for await (const chunk of response) body += chunk;
  assert.deepEqual(JSON.parse(body), ['POST', 'Bearer t0k3n', 'evil.test', 'http://evil.test', 'hello']);
  assert.deepEqual([response.statusCode, response.headers['x-seen']], [418, 'yes']);
});

test('what is sent arrives while the stream is open, and its end when the client goes', async () => {
  const gone = new Promise((resolve) => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
      response.on('close', resolve);
    };
  });
  const sent = request(proxy.url).end();
  const [response] = await once(sent, 'response');
  const [chunk] = await once(response, 'data');
  assert.equal(String(chunk), 'data: one\n\n');
  response.destroy();
  await gone;
});
