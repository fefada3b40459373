import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Agent } from './agent.mjs';

let port;
let server;

before(async () => {
  port = await freePort();
  const entry = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
  const preload = new URL('./loopback.mjs', import.meta.url).href;
  server = spawn(process.execPath, ['--import', preload, entry, 'streamableHttp'], {
    env: { PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise((resolve) => server.stderr.on('data', (text) => `${text}`.includes('listening') && resolve()));
});
after(() => server.kill());

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
}

test('a session: connect, list, call, end', async () => {
  const agent = new Agent(`http://127.0.0.1:${port}/mcp`);
  assert.equal((await agent.connect()).error, undefined);
  const { tools } = (await agent.tools()).result;
  for (const tool of ['echo', 'get-sum', 'get-env', 'gzip-file-as-resource']) {
    assert.ok(
      tools.some(({ name }) => name === tool),
      `${tool} is offered`,
    );
  }
  const sum = await agent.call('get-sum', { a: 40, b: 2 });
  assert.equal(sum.status, 200);
  assert.match(sum.result.content[0].text, /42/);
  const filed = await agent.call('gzip-file-as-resource', {
    name: 'a.gz',
    data: 'data:text/plain,hello',
    outputType: 'resourceLink',
  });
  assert.equal(filed.result.content[0].type, 'resource_link', JSON.stringify(filed));
  assert.equal((await agent.close()).status, 200);
});

test('a refusal is an answer, not an exception', async () => {
  const refused = await new Agent(`http://127.0.0.1:${port}/elsewhere`).connect();
  assert.equal(refused.status, 404);
  assert.match(refused.error, /Cannot POST/);
});

test('the server is kept on loopback', async () => {
  const elsewhere = Object.values(networkInterfaces())
    .flat()
    .find(({ internal, family }) => !internal && family === 'IPv4');
  if (elsewhere) await assert.rejects(fetch(`http://${elsewhere.address}:${port}/mcp`));
});
