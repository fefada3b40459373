/**
 * An A2A agent (npm `@a2a-js/sdk`) on loopback: JSON-RPC and REST, both of versions 1.0 and 0.3, and the agent card. It is at
 * `/agent`: what is asked there is JSON-RPC, what is asked below it REST.
 *
 * What it is told decides what it does: `work` is done at once, `wait` goes on until it is cancelled, `login` waits for
 * credentials. Asks for no credential itself.
 *
 *     node a2a-agent.mjs --port 18086
 */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { AgentCard, TaskState } from '@a2a-js/sdk';
import {
  AgentEvent,
  DefaultRequestHandler,
  InMemoryPushNotificationStore,
  InMemoryTaskStore,
} from '@a2a-js/sdk/server';
import { jsonRpcHandler, restHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';

import { required, runAsProgram } from './program.mjs';

const { TASK_STATE_AUTH_REQUIRED, TASK_STATE_CANCELED, TASK_STATE_COMPLETED, TASK_STATE_WORKING } = TaskState;

/** Starts the agent; `port` 0 picks a free one. */
export async function startAgent({ port }) {
  const handler = new DefaultRequestHandler(
    card(''),
    new InMemoryTaskStore(),
    new Worker(),
    undefined,
    new InMemoryPushNotificationStore(),
    undefined,
    async () => card('', 'extended'),
  );
  const options = { requestHandler: handler, userBuilder: UserBuilder.noAuthentication, legacyCompat: { enabled: true } };
  const app = express();
  // Its addresses are where it was asked: behind a gateway those of the gateway.
  app.get('/.well-known/agent-card.json', (request, response) => {
    response.json(AgentCard.toJSON(card(`http://${request.headers.host}`)));
  });
  const [rpc, rest] = [jsonRpcHandler(options), restHandler(options)];
  app.use('/agent', (request, response, next) => (request.path === '/' ? rpc : rest)(request, response, next));
  const server = createServer(app);
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function card(base, name = 'worker') {
  const speaks = (protocolBinding, protocolVersion) => ({
    protocolBinding,
    protocolVersion,
    url: `${base}/agent`,
    tenant: '',
  });
  return {
    name,
    description: 'Works, waits, or asks for a login',
    version: '0.1.0',
    provider: undefined,
    supportedInterfaces: ['1.0', '0.3'].flatMap((version) => [speaks('JSONRPC', version), speaks('HTTP+JSON', version)]),
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true, extensions: [] },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [],
    signatures: [],
  };
}

class Worker {
  #waiting = new Map();

  async execute({ taskId, contextId, userMessage }, bus) {
    const told = userMessage.parts[0].content.value;
    const status = (state) => ({ state, message: undefined, timestamp: new Date().toISOString() });
    const update = (state) => {
      bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: status(state), metadata: undefined }));
    };
    const history = [userMessage];
    const begun = { id: taskId, contextId, status: status(TASK_STATE_WORKING), artifacts: [], history };
    bus.publish(AgentEvent.task({ ...begun, metadata: undefined }));
    if (told === 'login') {
      update(TASK_STATE_AUTH_REQUIRED);
    } else if (told === 'wait') {
      await new Promise((resolve) => this.#waiting.set(taskId, resolve));
      update(TASK_STATE_CANCELED);
    } else {
      bus.publish(AgentEvent.artifactUpdate(artifact(taskId, contextId, `Done: ${told}`)));
      update(TASK_STATE_COMPLETED);
    }
    bus.finished();
  }

  async cancelTask(taskId) {
    this.#waiting.get(taskId)?.();
    this.#waiting.delete(taskId);
  }
}

function artifact(taskId, contextId, words) {
  const part = { content: { $case: 'text', value: words }, metadata: undefined, filename: '', mediaType: 'text/plain' };
  const made = { artifactId: 'a1', name: 'answer', description: '', parts: [part], metadata: undefined, extensions: [] };
  return { taskId, contextId, artifact: made, append: false, lastChunk: true, metadata: undefined };
}

await runAsProgram(import.meta, async () => {
  const { values } = parseArgs({ options: { port: { type: 'string' } } });
  console.log(`agent ${(await startAgent({ port: Number(required(values, 'port')) })).url}`);
});
