/**
 * A session of the A2A SDK's client with `a2a-agent.mjs` in one of the ways that the agent speaks. Prints one JSON document:
 * what came back, and every HTTP request that was sent: its method, its path and the JSON-RPC method in it.
 *
 * Without `--refused` it uses every method, streams included. With it, it tries what its token is not good for, and tells the
 * errors that its user gets.
 *
 *     TOKEN=… node a2a-session.mjs --way rest [--refused] http://127.0.0.1:18080
 */
import { parseArgs } from 'node:util';

import { Role, TaskState, taskStateToJSON } from '@a2a-js/sdk';
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from '@a2a-js/sdk/client';

import { runAsProgram, UsageError } from './program.mjs';

/** Binding and version of the interface of the card that is the only one the client is shown. */
const WAYS = {
  rpc: ['JSONRPC', '1.0'],
  rest: ['HTTP+JSON', '1.0'],
  'rpc-0.3': ['JSONRPC', '0.3'],
  'rest-0.3': ['HTTP+JSON', '0.3'],
};

class Session {
  sent = [];
  #client;
  #old;

  async open(url, token, way) {
    const fetchImpl = async (target, init = {}) => {
      const request = new Request(target, init);
      if (token) request.headers.set('authorization', `Bearer ${token}`);
      this.sent.push(await named(request.clone()));
      return fetch(request);
    };
    const legacyCompat = { enabled: true };
    const cardResolver = new DefaultAgentCardResolver({ fetchImpl, legacyCompat });
    const transports = [
      new JsonRpcTransportFactory({ fetchImpl, legacyCompat }),
      new RestTransportFactory({ fetchImpl, legacyCompat }),
    ];
    const card = await cardResolver.resolve(url);
    const [binding, version] = WAYS[way];
    const supportedInterfaces = card.supportedInterfaces.filter(
      ({ protocolBinding, protocolVersion }) => protocolBinding === binding && protocolVersion === version,
    );
    const factory = new ClientFactory({ transports, cardResolver });
    this.#client = await factory.createFromAgentCard({ ...card, supportedInterfaces });
    this.#old = version === '0.3';
    return this;
  }

  /** Every method, in an order in which each step finds what it needs. */
  async run() {
    const client = this.#client;
    const results = {};
    const done = await client.sendMessage(told('work'));
    results.done = [state(done), done.artifacts[0].parts[0].content.value];
    results.streamed = await collected(client.sendMessageStream(told('work')));
    results.got = state(await client.getTask({ tenant: '', id: done.id }));
    // Version 0.3 has no way to list.
    if (!this.#old) results.listed = (await client.listTasks(everything())).tasks.length > 0;
    results.login = state(await client.sendMessage(told('login')));
    Object.assign(results, await this.#waiting());
    results.extended = (await client.getAgentCard()).name;
    return { results, sent: this.sent };
  }

  /** What a task may not do that may only send messages and wait for them. */
  async refused() {
    const client = this.#client;
    const done = await client.sendMessage(told('work'));
    const request = { tenant: '', id: done.id, metadata: undefined };
    const results = {
      done: state(done),
      got: await failure(client.getTask(request)),
      streamed: await failure(collected(client.sendMessageStream(told('work')))),
      subscribed: await failure(collected(client.resubscribeTask(request))),
      cancelled: await failure(client.cancelTask(request)),
    };
    return { results, sent: this.sent };
  }

  /** A task that goes on: looked at from a second stream, configured, and cancelled. */
  async #waiting() {
    const client = this.#client;
    const stream = client.sendMessageStream(told('wait'));
    const first = (await stream.next()).value.payload.value;
    const second = client.resubscribeTask({ tenant: '', id: first.id });
    const seen = state((await second.next()).value.payload.value);
    const configured = await this.#pushes(first.id);
    const cancelled = state(await client.cancelTask({ tenant: '', id: first.id, metadata: undefined }));
    return { seen, configured, cancelled, rests: [await collected(stream), await collected(second)] };
  }

  async #pushes(taskId) {
    const client = this.#client;
    const push = { tenant: '', id: 'p1', taskId, url: 'http://127.0.0.1:9/', token: 't', authentication: undefined };
    await client.createTaskPushNotificationConfig(push);
    const got = await client.getTaskPushNotificationConfig({ tenant: '', taskId, id: 'p1' });
    const page = { tenant: '', taskId, pageSize: 10, pageToken: '' };
    const { configs } = await client.listTaskPushNotificationConfig(page);
    await client.deleteTaskPushNotificationConfig({ tenant: '', taskId, id: 'p1' });
    return [got.url, configs.length];
  }
}

async function named(request) {
  const text = await request.text();
  let rpc;
  if (text && new URL(request.url).pathname === '/agent') rpc = JSON.parse(text).method;
  return [request.method, new URL(request.url).pathname, rpc].filter(Boolean).join(' ');
}

let messages = 0;

function told(words) {
  const part = { content: { $case: 'text', value: words }, metadata: undefined, filename: '', mediaType: 'text/plain' };
  messages += 1;
  const message = {
    messageId: `m${messages}`,
    contextId: '',
    taskId: '',
    role: Role.ROLE_USER,
    parts: [part],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  };
  return { tenant: '', message, configuration: undefined, metadata: undefined };
}

function everything() {
  return { tenant: '', contextId: '', status: TaskState.TASK_STATE_UNSPECIFIED, pageSize: 50, pageToken: '' };
}

const state = ({ status }) => taskStateToJSON(status.state);

/** The error that `promise` fails with, as whoever uses the SDK sees it. */
async function failure(promise) {
  try {
    return { worked: await promise };
  } catch ({ name, message, statusCode, envelopeCode, data }) {
    return { name, message, statusCode, envelopeCode, data };
  }
}

/** The events of a stream: a state, or what else it was. */
async function collected(stream) {
  const events = [];
  for await (const { payload } of stream) events.push(payload.value.status ? state(payload.value) : payload.$case);
  return events;
}

await runAsProgram(import.meta, async () => {
  const options = { way: { type: 'string' }, refused: { type: 'boolean' } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [url] = positionals;
  if (!url || !WAYS[values.way]) throw new UsageError(`usage: a2a-session.mjs --way ${Object.keys(WAYS)} [--refused] URL`);
  const session = await new Session().open(url, process.env.TOKEN, values.way);
  console.log(JSON.stringify(await (values.refused ? session.refused() : session.run())));
  process.exit(0);
});
