/**
 * The agent: a client built on the real MCP SDK that works through the gateway with one access token and keeps
 * what HTTP said to each message, because the SDK hides refusals in an error's text.
 *
 *     GATEWAY=http://127.0.0.1:18080/mcp ISSUER=… ISSUER_CLIENT_SECRET=… [CLIENT=report-agent]
 *     node agent.mjs token | tools | call TOOL [ARGUMENTS]
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { required, runAsProgram, UsageError } from './program.mjs';
import { accessToken } from './token.mjs';

/** An MCP session. */
export class Agent {
  #client = new Client({ name: 'countersign-demo-agent', version: '0.1.0' });
  #transport;
  #posted;

  /** `gateway`: the MCP address; `token`: the access token of every request, if any. */
  constructor(gateway, token) {
    this.#transport = new StreamableHTTPClientTransport(new URL(gateway), {
      requestInit: { headers: token ? { authorization: `Bearer ${token}` } : {} },
      fetch: (...request) => this.#fetch(...request),
      reconnectionOptions: {
        initialReconnectionDelay: 1000,
        maxReconnectionDelay: 1000,
        reconnectionDelayGrowFactor: 1,
        maxRetries: 0,
      },
    });
  }

  /** Opens the session: `initialize`, `notifications/initialized`, and the GET leg in the background. */
  connect() {
    return this.#answer(() => this.#client.connect(this.#transport));
  }

  /** `tools/list`. */
  tools() {
    return this.#answer(() => this.#client.listTools());
  }

  /** `tools/call`. */
  call(name, args) {
    return this.#answer(() => this.#client.callTool({ name, arguments: args }));
  }

  /** Ends the session with DELETE and closes what is open. */
  async close() {
    const answer = await this.#answer(() => this.#transport.terminateSession());
    await this.#client.close();
    return answer;
  }

  /** `{status, headers, result}` or, when refused, `{status, headers, error}` with the body as JSON if it is that. */
  async #answer(work) {
    this.#posted = undefined;
    try {
      const result = await work();
      return { ...this.#posted, result };
    } catch (error) {
      if (!(error instanceof StreamableHTTPError) || !this.#posted) throw error;
      return { ...this.#posted, error: parsed(this.#posted.text) };
    }
  }

  /** Fetches, and notes status and text of whatever is answered to POST and DELETE. */
  async #fetch(url, init) {
    const response = await fetch(url, init);
    if (init?.method === 'GET') return response;
    const noted = { status: response.status, headers: Object.fromEntries(response.headers) };
    if (!response.ok) noted.text = await response.clone().text();
    this.#posted = noted;
    return response;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function main() {
  const gateway = required(process.env, 'GATEWAY');
  const token = await accessToken({
    issuer: required(process.env, 'ISSUER'),
    client: process.env.CLIENT ?? 'report-agent',
    secret: required(process.env, 'ISSUER_CLIENT_SECRET'),
    resource: gateway,
  });
  const [command, tool, args] = process.argv.slice(2);
  if (command === 'token') return console.log(token);
  if (command !== 'tools' && !(command === 'call' && tool)) {
    throw new UsageError('usage: agent.mjs token | tools | call TOOL [ARGUMENTS]');
  }
  const agent = new Agent(gateway, token);
  const opened = await agent.connect();
  const answer = opened.error
    ? opened
    : await (command === 'tools' ? agent.tools() : agent.call(tool, JSON.parse(args ?? '{}')));
  console.log(`HTTP ${answer.status}`);
  console.log(JSON.stringify(answer.error ?? answer.result, null, 2));
  if (!opened.error) await agent.close();
  process.exitCode = answer.error ? 1 : 0;
}

await runAsProgram(import.meta, main);
