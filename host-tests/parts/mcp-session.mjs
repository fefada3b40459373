/**
 * A session of the TypeScript MCP SDK's client with `server-everything`: every method that a client of the 2025 revisions
 * has, and answers to everything that the server asks. Prints one JSON document: what came back, and every HTTP request
 * that was sent, named as a gateway's record names it.
 *
 *     TOKEN=… node mcp-session.mjs http://127.0.0.1:18080/mcp
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

import { runAsProgram, UsageError } from './program.mjs';

/** What is sent, and what the server asks. */
class Session {
  sent = [];
  asked = [];
  #breaks = false;
  #client = new Client(
    { name: 'countersign-session', version: '0.1.0' },
    { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } },
  );
  #transport;

  constructor(url, token) {
    this.#transport = new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: token ? { authorization: `Bearer ${token}` } : {} },
      fetch: async (target, init) => {
        const done = actions(init);
        this.sent.push(...done);
        const breaks = this.#breaks && done.includes('mcp:tools/call');
        this.#breaks &&= !breaks;
        const response = await fetch(target, init);
        return breaks ? broken(response) : response;
      },
    });
    const answers = [
      [CreateMessageRequestSchema, { model: 'none', role: 'assistant', content: { type: 'text', text: 'sampled' } }],
      [ElicitRequestSchema, { action: 'accept', content: { name: 'elicited' } }],
      [ListRootsRequestSchema, { roots: [{ uri: 'file:///rooted', name: 'rooted' }] }],
    ];
    for (const [schema, answer] of answers) {
      this.#client.setRequestHandler(schema, ({ method }) => {
        this.asked.push(method);
        return answer;
      });
    }
  }

  /** Everything, in an order in which each step finds what it needs. */
  async run() {
    const client = this.#client;
    await client.connect(this.#transport);
    const results = { server: client.getServerVersion().name, protocol: this.#transport.protocolVersion };
    results.ping = await client.ping();
    results.level = await client.setLoggingLevel('debug');
    // The server asks for the roots in its own time, and has a tool for them when it knows them.
    for (let waited = 0; !this.sent.includes('mcp:response') && waited < 500; waited += 1) await sleep(10);
    results.tools = (await client.listTools()).tools.map(({ name }) => name).sort();
    results.echo = words(await client.callTool({ name: 'echo', arguments: { message: 'héllo' } }));
    results.sum = words(await client.callTool({ name: 'get-sum', arguments: { a: 40, b: 2 } }));
    Object.assign(results, await this.#longRunning());
    results.resumed = await this.#resumed();
    results.sampled = words(
      await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'say', maxTokens: 10 } }),
    );
    results.elicited = words(await client.callTool({ name: 'trigger-elicitation-request', arguments: {} }));
    results.roots = words(await client.callTool({ name: 'get-roots-list', arguments: {} }));
    await client.sendRootsListChanged();
    Object.assign(results, await this.#promptsAndResources());
    await this.#transport.terminateSession();
    await client.close();
    return { results, sent: this.sent, asked: this.asked };
  }

  /** A call that reports its progress, and one that is given up. */
  async #longRunning() {
    const call = (duration, options) =>
      this.#client.callTool(
        { name: 'trigger-long-running-operation', arguments: { duration, steps: 4 } },
        undefined,
        options,
      );
    const progress = [];
    const done = words(await call(0.4, { onprogress: (report) => progress.push(report.progress) }));
    const giveUp = new AbortController();
    setTimeout(() => giveUp.abort('enough'), 300);
    const cancelled = await call(30, { signal: giveUp.signal }).then(words, (error) => `${error.message}`);
    return { done, progress, cancelled };
  }

  /** A call whose stream breaks: the client resumes it, and finds there what came meanwhile. */
  async #resumed() {
    this.#breaks = true;
    const legs = () => this.sent.filter((action) => action === 'mcp:GET').length;
    const before = legs();
    const call = { name: 'trigger-long-running-operation', arguments: { duration: 0.4, steps: 4 } };
    return { done: words(await this.#client.callTool(call)), legs: legs() - before };
  }

  async #promptsAndResources() {
    const client = this.#client;
    const results = {};
    results.prompts = (await client.listPrompts()).prompts.map(({ name }) => name).sort();
    const prompt = { name: 'args-prompt', arguments: { city: 'Bern' } };
    results.prompt = (await client.getPrompt(prompt)).messages[0].content.text;
    const ref = { type: 'ref/prompt', name: 'completable-prompt' };
    const completion = await client.complete({ ref, argument: { name: 'department', value: 'E' } });
    results.completion = completion.completion.values;
    const { resources } = await client.listResources();
    results.resources = resources.length;
    results.templates = (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate);
    const uri = 'demo://resource/dynamic/text/1';
    results.resource = (await client.readResource({ uri })).contents[0].uri;
    results.subscribed = await client.subscribeResource({ uri });
    results.unsubscribed = await client.unsubscribeResource({ uri });
    return results;
  }
}

/** The response, with a connection that breaks after the first piece. */
function broken(response) {
  const reader = response.body.getReader();
  let pieces = 0;
  const body = new ReadableStream(
    {
      async pull(controller) {
        if (pieces > 0) {
          await reader.cancel();
          controller.error(new Error('broken'));
          return;
        }
        pieces += 1;
        controller.enqueue((await reader.read()).value);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}

/** What a request does, as a gateway names it: `mcp:tools/call`, `mcp:response`, `mcp:DELETE`. */
function actions({ method = 'GET', body } = {}) {
  if (method !== 'POST') return [`mcp:${method}`];
  return [JSON.parse(body)].flat().map((message) => `mcp:${message.method ?? 'response'}`);
}

const words = ({ content }) => content.map(({ text }) => text).join('\n');

await runAsProgram(import.meta, async () => {
  const url = process.argv[2];
  if (!url) throw new UsageError('usage: mcp-session.mjs URL');
  console.log(JSON.stringify(await new Session(url, process.env.TOKEN).run()));
  // A stream that was given up may still be open.
  process.exit(0);
});
