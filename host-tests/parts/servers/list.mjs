/**
 * Asks MCP servers that people run for their tools: starts each over stdio, lists every page, and prints, by server,
 * `{ tools, calls }`: the tools as it wrote them, and for each tool arguments that its schema admits.
 * What a server wants before it lists (an account, a project) it gets in dummies; no tool is called.
 *
 *     node list.mjs                 every server
 *     node list.mjs github memory   only these
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { runAsProgram, UsageError } from '../program.mjs';
import { calls } from './honest.mjs';

const PACKAGES = join(import.meta.dirname, 'node_modules');
const PYTHON = join(import.meta.dirname, '../../../.cache/servers');
/** Milliseconds that a server may take to start and list. */
const PATIENCE = 60_000;

/** From npm: the package, and what its program wants. */
const NODE = {
  'chrome-devtools': { package: 'chrome-devtools-mcp' },
  circleci: { package: '@circleci/mcp-server-circleci', env: { CIRCLECI_TOKEN: 'dummy' } },
  everything: { package: '@modelcontextprotocol/server-everything' },
  filesystem: { package: '@modelcontextprotocol/server-filesystem', arguments: ['.'] },
  firecrawl: { package: 'firecrawl-mcp', env: { FIRECRAWL_API_KEY: 'fc-dummy' } },
  github: { package: '@modelcontextprotocol/server-github' },
  gitlab: { package: '@modelcontextprotocol/server-gitlab', env: { GITLAB_PERSONAL_ACCESS_TOKEN: 'dummy' } },
  hubspot: { package: '@hubspot/mcp-server', env: { PRIVATE_APP_ACCESS_TOKEN: 'dummy' } },
  memory: { package: '@modelcontextprotocol/server-memory' },
  mongodb: {
    package: 'mongodb-mcp-server',
    env: { MDB_MCP_API_CLIENT_ID: 'dummy', MDB_MCP_API_CLIENT_SECRET: 'dummy', MDB_MCP_TELEMETRY: 'disabled' },
  },
  notion: { package: '@notionhq/notion-mcp-server', env: { NOTION_TOKEN: 'dummy' } },
  pinecone: { package: '@pinecone-database/mcp', env: { PINECONE_API_KEY: 'dummy' } },
  playwright: { package: '@playwright/mcp' },
  'sequential-thinking': { package: '@modelcontextprotocol/server-sequential-thinking' },
  tavily: { package: 'tavily-mcp', env: { TAVILY_API_KEY: 'tvly-dummy' } },
};

/** From PyPI: the program. */
const FROM_PYPI = {
  atlassian: {
    program: 'mcp-atlassian',
    env: {
      JIRA_URL: 'https://jira.test',
      JIRA_USERNAME: 'dummy',
      JIRA_API_TOKEN: 'dummy',
      CONFLUENCE_URL: 'https://confluence.test',
      CONFLUENCE_USERNAME: 'dummy',
      CONFLUENCE_API_TOKEN: 'dummy',
    },
  },
  git: { program: 'mcp-server-git' },
  time: { program: 'mcp-server-time' },
};

/** A server in a process and a home of its own, which end with it. */
class Server {
  #name;
  #process;
  #home;
  #errors = '';
  #waiting = new Map();
  #ended;

  static async start(name) {
    const server = new Server();
    server.#name = name;
    server.#home = await mkdtemp(join(tmpdir(), 'countersign-server-'));
    const [program, given, env] = await command(name);
    const own = { PATH: process.env.PATH, HOME: server.#home, DO_NOT_TRACK: '1', ...env };
    server.#process = spawn(program, given, { cwd: server.#home, env: own, stdio: 'pipe' });
    server.#listen();
    return server;
  }

  #listen() {
    const { promise, reject } = Promise.withResolvers();
    this.#ended = promise;
    // It may end while nobody asks.
    promise.catch(() => {});
    const fail = (why) => reject(new Error(`${this.#name} ${why}: ${this.#errors.slice(-1000)}`));
    const timer = setTimeout(() => fail('did not answer'), PATIENCE);
    this.#process.on('close', (status) => {
      clearTimeout(timer);
      fail(`ended (${status})`);
    });
    this.#process.on('error', (error) => fail(`does not start (${error.message})`));
    this.#process.stdin.on('error', () => {});
    this.#process.stderr.on('data', (piece) => (this.#errors += piece));
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      // Some print what is no message, too.
      if (!line.startsWith('{')) return;
      const message = JSON.parse(line);
      if (message.method === undefined) this.#waiting.get(message.id)?.(message);
      else if (message.id !== undefined) this.#send({ id: message.id, error: { code: -32601, message: 'not here' } });
    });
  }

  #send(message) {
    this.#process.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  async #ask(method, params) {
    const id = this.#waiting.size + 1;
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#send({ id, method, params });
    const { result, error } = await Promise.race([answer, this.#ended]);
    if (error) throw new Error(`${this.#name} answers ${method} with ${JSON.stringify(error)}`);
    return result;
  }

  /** Every tool, of all pages. */
  async tools() {
    const clientInfo = { name: 'countersign-list', version: '0.1.0' };
    await this.#ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
    this.#send({ method: 'notifications/initialized' });
    const tools = [];
    for (let cursor; ; ) {
      const page = await this.#ask('tools/list', cursor === undefined ? {} : { cursor });
      tools.push(...page.tools);
      cursor = page.nextCursor;
      if (cursor === undefined) return tools;
    }
  }

  async end() {
    this.#process.kill('SIGKILL');
    await this.#ended.catch(() => {});
    await rm(this.#home, { recursive: true, force: true });
  }
}

/** The program of the server `name`, its arguments, and its environment. */
async function command(name) {
  if (FROM_PYPI[name]) {
    const { program, env } = FROM_PYPI[name];
    return ['python3', [join(PYTHON, 'bin', program)], { PYTHONPATH: PYTHON, ...env }];
  }
  const { package: of, arguments: given = [], env } = NODE[name];
  const { bin } = JSON.parse(await readFile(join(PACKAGES, of, 'package.json'), 'utf8'));
  // Where there are several the first is the server.
  const [program] = typeof bin === 'string' ? [bin] : Object.values(bin);
  return [process.execPath, [join(PACKAGES, of, program), ...given], env];
}

await runAsProgram(import.meta, async () => {
  const every = [...Object.keys(NODE), ...Object.keys(FROM_PYPI)].sort();
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !every.includes(name));
  if (unknown.length > 0) throw new UsageError(`unknown: ${unknown.join(', ')} (${every.join(', ')})`);
  const listed = {};
  for (const name of wanted.length > 0 ? wanted : every) {
    const server = await Server.start(name);
    try {
      const tools = await server.tools();
      listed[name] = { tools, calls: tools.map(calls) };
    } finally {
      await server.end();
    }
  }
  console.log(JSON.stringify(listed));
});
