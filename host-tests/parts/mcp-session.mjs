/**
 * A session of the TypeScript MCP SDK's client with `server-everything`: every method that a client of the 2025 revisions
 * has, and answers to everything that the server asks. Prints one JSON document: what came back, and every HTTP request
 * that was sent, named as a gateway's record names it.
 *
 *     TOKEN=… node mcp-session.mjs http://127.0.0.1:18080/mcp
 *     TOKEN=… node mcp-session.mjs --sdk mcp-sdk-2025 --server 2025 http://127.0.0.1:18080/mcp
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { runAsProgram, UsageError } from './program.mjs';

/** What is sent, and what the server asks. */
class Session {
  sent = [];
  asked = [];
  #breaks = false;
  #client;
  #transport;
  #server;

  /** Of the client of `sdk` with the `server` of `everything.json`. */
  constructor(sdk, server, url, token) {
    this.#server = server;
    this.#client = new sdk.Client(
      { name: 'countersign-session', version: '0.1.0' },
      { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } },
    );
    this.#transport = new sdk.StreamableHTTPClientTransport(new URL(url), {
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
      [sdk.CreateMessageRequestSchema, { model: 'none', role: 'assistant', content: { type: 'text', text: 'sampled' } }],
      [sdk.ElicitRequestSchema, { action: 'accept', content: { name: 'elicited' } }],
      [sdk.ListRootsRequestSchema, { roots: [{ uri: 'file:///rooted', name: 'rooted' }] }],
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
    const { tools, resumes, asksFirst, lacks } = this.#server;
    await client.connect(this.#transport);
    const results = { server: client.getServerVersion().name, protocol: this.#transport.protocolVersion };
    results.ping = await client.ping();
    if (!lacks.includes('mcp:logging/setLevel')) results.level = await client.setLoggingLevel('debug');
    // It may ask for the roots in its own time, and has a tool for them when it knows them.
    const told = () => !asksFirst || this.sent.includes('mcp:response');
    for (let waited = 0; !told() && waited < 500; waited += 1) await sleep(10);
    results.tools = (await client.listTools()).tools.map(({ name }) => name).sort();
    results.echo = words(await client.callTool({ name: 'echo', arguments: { message: 'héllo' } }));
    results.sum = words(await client.callTool({ name: tools.sum, arguments: { a: 40, b: 2 } }));
    Object.assign(results, await this.#longRunning());
    if (resumes) results.resumed = await this.#resumed();
    results.sampled = words(
      await client.callTool({ name: tools.sample, arguments: { prompt: 'say', maxTokens: 10 } }),
    );
    results.elicited = words(await client.callTool({ name: tools.elicit, arguments: {} }));
    results.roots = words(await client.callTool({ name: tools.roots, arguments: {} }));
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
        { name: this.#server.tools.long, arguments: { duration, steps: 4 } },
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
    const call = { name: this.#server.tools.long, arguments: { duration: 0.4, steps: 4 } };
    return { done: words(await this.#client.callTool(call)), legs: legs() - before };
  }

  async #promptsAndResources() {
    const client = this.#client;
    const { prompt, completion, resource: uri, lacks } = this.#server;
    const results = {};
    results.prompts = (await client.listPrompts()).prompts.map(({ name }) => name).sort();
    const { name, arguments: given } = prompt;
    results.prompt = (await client.getPrompt({ name, arguments: given })).messages[0].content.text;
    const ref = { type: 'ref/prompt', name: completion.prompt };
    const argument = { name: completion.name, value: completion.value };
    results.completion = (await client.complete({ ref, argument })).completion.values;
    const { resources } = await client.listResources();
    results.resources = resources.length;
    results.templates = (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate);
    results.resource = (await client.readResource({ uri })).contents[0].uri;
    if (lacks.includes('mcp:resources/subscribe')) return results;
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

/** What a session needs of the SDK `name`. */
async function sdk(name) {
  const modules = ['client/index.js', 'client/streamableHttp.js', 'types.js'];
  return Object.assign({}, ...(await Promise.all(modules.map((module) => import(`${name}/${module}`)))));
}

await runAsProgram(import.meta, async () => {
  const { values, positionals } = parseArgs({
    options: {
      sdk: { type: 'string', default: '@modelcontextprotocol/sdk' },
      server: { type: 'string', default: 'current' },
      'never-resumes': { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const servers = JSON.parse(await readFile(join(import.meta.dirname, 'everything.json'), 'utf8'));
  const server = servers[values.server];
  const [url] = positionals;
  if (!url || !server) throw new UsageError('usage: mcp-session.mjs [--sdk PACKAGE] [--server NAME] [--never-resumes] URL');
  if (values['never-resumes']) server.resumes = false;
  console.log(JSON.stringify(await new Session(await sdk(values.sdk), server, url, process.env.TOKEN).run()));
  // A stream that was given up may still be open.
  process.exit(0);
});
