/**
 * An MCP server with everything the MCP conformance suite asks of one (npm `@modelcontextprotocol/server`), on loopback:
 * stateless for 2026-07-28, with sessions, resumable streams and the GET and DELETE legs for the revisions before it.
 *
 * Validates neither `Host` nor `Origin` and asks for no credential: that is for whatever stands in front of it.
 *
 *     node mcp-server.mjs --port 18082
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { toNodeHandler } from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  createRequestStateCodec,
  isLegacyRequest,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';

import { addPrompts, addResources, addTools } from './mcp-features.mjs';
import { required, runAsProgram } from './program.mjs';

/** Starts the server at `/mcp`; `port` 0 picks a free one. */
export async function startMcpServer({ port }) {
  const features = new Features();
  const modern = createMcpHandler(() => features.server(modern.notify), { legacy: 'reject' });
  const sessions = new Sessions(() => features.server());
  const handler = toNodeHandler({
    fetch: async (request, options) =>
      (await isLegacyRequest(request)) ? sessions.fetch(request) : modern.fetch(request, options),
  });
  const server = createServer((request, response) => {
    if (new URL(request.url, 'http://localhost').pathname === '/mcp') return handler(request, response);
    response.writeHead(404).end();
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${server.address().port}/mcp`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What the server has, once for each session or request. */
class Features {
  #states = createRequestStateCodec({ key: randomBytes(32), ttlSeconds: 600 });

  /** `notify`: tells open subscriptions what changed, where there are any. */
  server(notify) {
    const server = new McpServer(
      { name: 'countersign-conformance-server', version: '0.1.0' },
      {
        capabilities: {
          completions: {},
          logging: {},
          prompts: { listChanged: true },
          resources: { listChanged: true, subscribe: true },
          tools: { listChanged: true },
        },
        requestState: { verify: (state, context) => this.#states.verify(state, context) },
      },
    );
    addTools(server, { notify, mint: (payload, context) => this.#states.mint(payload, context) });
    addResources(server);
    addPrompts(server);
    server.server.setRequestHandler('completion/complete', ({ params }) => {
      const values = ['paris', 'park', 'party'].filter((value) => value.startsWith(params.argument.value));
      return { completion: { values, total: values.length, hasMore: false } };
    });
    return server;
  }
}

/** The sessions of the revisions that have any. */
class Sessions {
  #transports = new Map();
  #server;

  constructor(server) {
    this.#server = server;
  }

  async fetch(request) {
    const id = request.headers.get('mcp-session-id');
    if (!id) return (await this.#open()).handleRequest(request);
    const transport = this.#transports.get(id);
    if (transport) return transport.handleRequest(request);
    const error = { code: -32001, message: 'Session not found' };
    return Response.json({ jsonrpc: '2.0', id: null, error }, { status: 404 });
  }

  /** A session if the first request initialises it; otherwise the transport refuses what it gets. */
  async #open() {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void this.#transports.set(id, transport),
      onsessionclosed: (id) => void this.#transports.delete(id),
      eventStore: new Events(),
      retryInterval: 500,
    });
    await this.#server().connect(transport);
    return transport;
  }
}

/** The events of one session, for streams that are taken up again. */
class Events {
  #events = [];

  storeEvent(streamId, message) {
    this.#events.push({ streamId, message });
    return String(this.#events.length);
  }

  getStreamIdForEventId(eventId) {
    return this.#events[Number(eventId) - 1]?.streamId;
  }

  async replayEventsAfter(lastEventId, { send }) {
    const streamId = this.getStreamIdForEventId(lastEventId);
    for (let number = Number(lastEventId); number < this.#events.length; number += 1) {
      const { streamId: of, message } = this.#events[number];
      if (of === streamId && Object.keys(message).length > 0) await send(String(number + 1), message);
    }
    return streamId;
  }
}

await runAsProgram(import.meta, async () => {
  const { values } = parseArgs({ options: { port: { type: 'string' } } });
  console.log(`server ${(await startMcpServer({ port: Number(required(values, 'port')) })).url}`);
});
