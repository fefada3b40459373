/**
 * Runs the MCP conformance suite against a server twice, side by side: as it is, and through the gateway with a policy
 * that permits everything. Fails when the gateway changes a result other than for the better.
 *
 *     node conformance.mjs [--envoy VERSION] [--only REVISION]
 *
 * Everything is on loopback and on free ports; nothing is left running.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

import { startBearer } from './bearer.mjs';
import { startIssuer } from './issuer.mjs';
import { startMcpServer } from './mcp-server.mjs';
import { runAsProgram, UsageError } from './program.mjs';
import { changes, failures, readResults, sideBySide } from './results.mjs';
import { accessToken } from './token.mjs';

/**
 * The runs: a release of the suite (as package.json calls it), a revision of the protocol, and the only checks that fail
 * without the gateway, which must not fail with it. `aside`: scenarios of the suite that are told and not judged.
 */
const REBINDING = ['localhost-host-rebinding-rejected'];
// In 0.1.16 these two say `MCP-Protocol-Version: 2025-03-26` in a session of 2025-11-25; the next release says it right.
const MISSPOKEN = ['server-sse-multiple-streams', 'server-sse-polling'];
const RUNS = [
  { suite: 'mcp-conformance-stable', revision: '2025-06-18', mended: [] },
  { suite: 'mcp-conformance-stable', revision: '2025-11-25', mended: REBINDING, aside: MISSPOKEN },
  { suite: 'mcp-conformance-next', revision: '2025-06-18', mended: [] },
  { suite: 'mcp-conformance-next', revision: '2025-11-25', mended: REBINDING },
  { suite: 'mcp-conformance-next', revision: '2026-07-28', mended: REBINDING },
];

const GATEWAY = fileURLToPath(new URL('../../scripts/gateway', import.meta.url));
const AUDIENCE = 'https://conformance.test/mcp';
/** Longer than everything takes. */
const LIFETIME = 900;
/** Everything a grant has to name; the rest of the protocol is covered by any grant. */
const ACTIONS = ['tools/call', 'resources/read', 'resources/subscribe', 'prompts/get', 'completion/complete'];

/** What the gateway is configured with. */
function configuration(issuer) {
  return {
    version: 1,
    issuers: [
      {
        name: 'conformance',
        issuer,
        profile: 'access-token',
        audiences: [AUDIENCE],
        algorithms: ['RS256'],
        keys: { url: `${issuer}/jwks`, cluster: 'issuer', insecure_http: true },
        task: { id: '/task/id', grants: '/task/grants' },
      },
    ],
    resources: [{ name: 'server', match: { host: 'localhost', path: '/mcp' }, protocol: 'mcp', risk: 'low' }],
    policy: { cedar: 'permit (principal, action, resource);' },
  };
}

/** What must be stopped in the end, last first, also when this is told to end. */
class Cleanup {
  #steps = [];

  constructor() {
    for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15]]) {
      process.once(signal, () => this.run().finally(() => process.exit(128 + number)));
    }
  }

  add(step) {
    this.#steps.push(step);
  }

  async run() {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}

async function compare(envoy, only) {
  const runs = RUNS.filter(({ revision }) => !only || revision === only);
  if (runs.length === 0) throw new UsageError(`no run is of ${only}`);
  const cleanup = new Cleanup();
  const folder = await mkdtemp(join(tmpdir(), 'countersign-conformance.'));
  let wrong;
  cleanup.add(() => {
    if (wrong === 0) return rm(folder, { recursive: true });
    console.log(`\nThe gateway's log and what the suite wrote are in ${folder}`);
  });
  try {
    const server = await startMcpServer({ port: 0 });
    cleanup.add(() => server.close());
    const gateway = await startGateway(server.url, { envoy, folder, cleanup });
    let found = 0;
    for (const [number, run] of runs.entries()) {
      const results = [server.url, gateway].map((url, side) => suite(run, url, join(folder, `${number}-${side}`)));
      found += judge(run, ...(await Promise.all(results)));
    }
    wrong = found;
    return wrong;
  } finally {
    await cleanup.run();
  }
}

/** Issuer, gateway, and what adds the token; answers where a client without one connects. */
async function startGateway(server, { envoy, folder, cleanup }) {
  const claims = {
    task: { id: 'conformance', grants: ACTIONS.map((action) => ({ action: `mcp:${action}`, resource: 'server' })) },
  };
  const clients = { suite: { lifetime: LIFETIME, claims } };
  const secret = crypto.randomUUID();
  const { issuer, close } = await startIssuer({ port: 0, audience: AUDIENCE, clients, secret });
  cleanup.add(close);
  const config = join(folder, 'gateway.json');
  await writeFile(config, JSON.stringify(configuration(issuer)));
  const port = await freePort();
  const upstream = new URL(server).host.replace('localhost', '127.0.0.1');
  const options = ['--upstream', upstream, '--port', String(port), ...(envoy ? ['--envoy', envoy] : [])];
  const log = join(folder, 'gateway.log');
  const gateway = spawn(GATEWAY, [config, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  cleanup.add(() => stop(gateway));
  const file = createWriteStream(log);
  gateway.stdout.pipe(file, { end: false });
  gateway.stderr.pipe(file, { end: false });
  for (let waited = 0; !(await answers(port)); waited += 1) {
    if (gateway.exitCode !== null || waited > 3000) throw new Error(`no gateway: ${await readFile(log, 'utf8')}`);
    await sleep(100);
  }
  const token = await accessToken({ issuer, client: 'suite', secret, resource: AUDIENCE });
  const bearer = await startBearer({ port, token });
  cleanup.add(() => bearer.close());
  return `${bearer.url}/mcp`;
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** The results of one run against `url`. The suite's own exit status says only that something failed. */
async function suite({ suite, revision }, url, folder) {
  const program = fileURLToPath(new URL(`./node_modules/${suite}/dist/index.js`, import.meta.url));
  const asked = ['server', '--url', url, '--suite', 'all', '--spec-version', revision, '--output-dir', folder];
  const ran = promisify(execFile)(process.execPath, [program, ...asked], { timeout: 120_000, maxBuffer: 1 << 26 });
  const { code, killed, stdout, stderr } = await ran.catch((error) => error);
  if (killed || (code !== undefined && code !== 1) || !stdout.includes('SUMMARY')) {
    throw new Error(`the suite did not end as it should (${code}): ${stdout.slice(-2000)}\n${stderr}`);
  }
  return readResults(folder);
}

/** Prints both results and what follows; answers how much of it is wrong. */
function judge({ suite, revision, mended, aside = [] }, without, through) {
  const { version } = createRequire(import.meta.url)(`./node_modules/${suite}/package.json`);
  console.log(`\n${`MCP ${revision}, suite ${version}`.padEnd(50)} ${'without'.padStart(8)} ${'through'.padStart(8)}`);
  for (const line of sideBySide(without, through)) console.log(line);
  for (const scenario of aside) {
    console.log(`  (${scenario} is not judged)`);
    delete without[scenario];
    delete through[scenario];
  }
  const changed = changes(without, through);
  const worse = changed.filter(({ better }) => !better);
  const problems = [
    ...failures(without)
      .filter((name) => !mended.includes(name.split(': ')[1]))
      .map((name) => `fails without the gateway, so that nothing is compared: ${name}`),
    ...mended
      .filter((check) => !changed.some(({ better, check: other }) => better && other === check))
      .map((check) => `fails without the gateway and is not mended by it: ${check}`),
    ...worse.map(({ scenario, check, before, after }) => `${scenario}: ${check}: ${before} became ${after}`),
  ];
  for (const problem of problems) console.log(`  WRONG  ${problem}`);
  return problems.length;
}

await runAsProgram(import.meta, async () => {
  const { values } = parseArgs({ options: { envoy: { type: 'string' }, only: { type: 'string' } } });
  const wrong = await compare(values.envoy, values.only);
  if (wrong > 0) throw new UsageError(`\nThe gateway changes ${wrong} results.`);
  console.log('\nThe gateway changes no result but for the better.');
});
