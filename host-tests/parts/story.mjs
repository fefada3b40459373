/**
 * The demo's story: an agent works through the gateway; every step prints what was asked, what was answered and
 * the record, and ends the story with status 1 if anything is not as told.
 *
 *     GATEWAY=… ISSUER=… ISSUER_CLIENT_SECRET=… APPROVER_SOCKET=… node story.mjs --log GATEWAY_LOG --upstream-log LOG
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { decodeJwt } from 'jose';

import { Agent } from './agent.mjs';
import { required, runAsProgram } from './program.mjs';
import { Stage } from './stage.mjs';
import { accessToken } from './token.mjs';

/** The risky call that is approved, and another one. */
const FILE_A = { name: 'q3.txt.gz', data: 'data:text/plain,forty-two', outputType: 'resourceLink' };
const FILE_B = { name: 'q3.txt.gz', data: 'data:text/plain,forty-two%20million', outputType: 'resourceLink' };

/** Seconds the approver thinks about the approved call. */
const THINKING = 2;

await runAsProgram(import.meta, async () => {
  const { values } = parseArgs({ options: { log: { type: 'string' }, 'upstream-log': { type: 'string' } } });
  const stage = new Stage({
    log: required(values, 'log'),
    upstreamLog: required(values, 'upstream-log'),
    socket: required(process.env, 'APPROVER_SOCKET'),
  });
  await noCredential(stage);
  const agent = await session(stage);
  await withinTheTask(stage, agent);
  await refusedByPolicy(stage, agent);
  await approvals(stage, agent);
  await misusedApprovals(stage, agent);
  await expired(stage);
  await end(stage, agent);
  process.exit(0);
});

function token(client) {
  return accessToken({
    issuer: required(process.env, 'ISSUER'),
    client,
    secret: required(process.env, 'ISSUER_CLIENT_SECRET'),
    resource: required(process.env, 'GATEWAY'),
  });
}

async function noCredential(stage) {
  stage.step('No credential', 'An agent that does not say who it is gets no further than the gateway.');
  const answer = await new Agent(process.env.GATEWAY).connect();
  stage.tell('answer', `HTTP ${answer.status} ${JSON.stringify(answer.error)}`);
  stage.must('the HTTP status', answer.status, 401);
  const record = await stage.records.find(0, ({ reason }) => reason === 'no_credential');
  stage.show(record);
  stage.must('what the MCP server saw', await stage.reached(), 0);
}

async function session(stage) {
  stage.step(
    'A session for one task',
    'The issuer gives the agent a token for a task; the agent opens an MCP session and lists the tools.',
  );
  const issued = await token('report-agent');
  stage.tell('token', JSON.stringify(decodeJwt(issued).task, null, 2).replaceAll('\n', `\n${' '.repeat(13)}`));
  const agent = new Agent(process.env.GATEWAY, issued);
  const before = (await stage.records.all()).length;
  const opened = await agent.connect();
  stage.must('the answer to `initialize`', opened.error, undefined);
  const listed = await agent.tools();
  stage.must('the answer to `tools/list`', listed.error, undefined);
  stage.tell('answer', `${listed.result.tools.length} tools`);
  for (const name of ['mcp:initialize', 'mcp:notifications/initialized', 'mcp:GET', 'mcp:tools/list']) {
    const record = await stage.records.find(before, ({ action }) => action?.name === name);
    stage.tell('record', `${record.kind} ${record.reason} ${name}`);
    stage.must(name, record.kind, 'allow');
  }
  return agent;
}

async function withinTheTask(stage, agent) {
  stage.step('Allowed', 'Low risk, and the task covers it.');
  const { answer } = await stage.call(
    agent,
    'get-sum',
    { a: 40, b: 2 },
    { status: 200, kind: 'allow', reason: 'allowed' },
  );
  stage.must('the sum', /\b42\b/.test(answer.result.content[0].text), true);

  stage.step('Outside the task', 'The server offers the tool; the task does not.');
  await stage.call(agent, 'get-env', {}, { status: 403, kind: 'deny', reason: 'not_granted' });

  stage.step('Arguments beyond the grant', 'The task may add, with `a` up to 500.');
  await stage.call(agent, 'get-sum', { a: 501, b: 2 }, { status: 403, kind: 'deny', reason: 'arguments_beyond_grant' });
}

async function refusedByPolicy(stage, agent) {
  stage.step(
    'Refused by policy',
    'The task covers the tool, but policy lets it fetch from no address. Nobody is asked: no approval could allow it.',
  );
  const inward = { ...FILE_A, data: 'http://169.254.169.254/latest/meta-data/' };
  const { record } = await stage.call(agent, 'gzip-file-as-resource', inward, {
    status: 403,
    kind: 'deny',
    reason: 'policy_denied',
  });
  stage.must('the policy that refused', record.policies.includes('inline-data-only'), true);
}

async function approvals(stage, agent) {
  stage.step(
    'Held and approved',
    `Filing is risky: the call is held, and the approver approves it after ${THINKING} seconds.`,
  );
  await stage.approver('approve', THINKING);
  const { record } = await stage.call(agent, 'gzip-file-as-resource', FILE_A, {
    status: 200,
    kind: 'allow',
    reason: 'approved',
    asked: 1,
  });
  stage.must('that the call was held', record.elapsed_us >= THINKING * 1e6, true);
  const [request] = (await stage.asked()).slice(-1);
  stage.must('what the approver saw', request.arguments, FILE_A);
  stage.must('who approved', record.approval?.approver.subject, 'olivia.operator');

  stage.step('Refused by the approver');
  await stage.approver('deny');
  await stage.call(agent, 'gzip-file-as-resource', FILE_B, {
    status: 403,
    kind: 'deny',
    reason: 'approval_denied',
    asked: 1,
  });

  stage.step('Not decided yet', 'The agent is told to ask again later.');
  await stage.approver('pending');
  await stage.call(agent, 'gzip-file-as-resource', FILE_B, {
    status: 403,
    kind: 'step_up',
    reason: 'approval_pending',
    asked: 1,
  });
}

async function misusedApprovals(stage, agent) {
  const file = 'gzip-file-as-resource';
  stage.step(
    'The approval of one call, given to another',
    'The approver sends the signed approval from above for a call with other arguments.',
  );
  await stage.approver('repeat');
  await stage.call(agent, file, FILE_B, { status: 403, kind: 'deny', reason: 'approval_for_other_call', asked: 1 });

  stage.step('The approval used again', 'The same call again, and the same signed approval.');
  await stage.call(agent, file, FILE_A, { status: 403, kind: 'deny', reason: 'approval_replayed', asked: 1 });

  stage.step('An approval that somebody else signed');
  await stage.approver('forge');
  await stage.call(agent, file, FILE_A, { status: 503, kind: 'deny', reason: 'approval_unsigned', asked: 1 });
}

async function expired(stage) {
  stage.step('An expired token', 'A token that lives for seconds works, and then, in the same session, does not.');
  const issued = await token('hasty-agent');
  const agent = new Agent(process.env.GATEWAY, issued);
  stage.must('the answer to `initialize`', (await agent.connect()).error, undefined);
  await stage.call(agent, 'echo', { message: 'hello' }, { status: 200, kind: 'allow', reason: 'allowed' });
  await sleep(Math.max(0, decodeJwt(issued).exp * 1000 - Date.now()) + 1000);
  await stage.call(agent, 'echo', { message: 'still there?' }, { status: 401, kind: 'deny', reason: 'token_expired' });
}

async function end(stage, agent) {
  stage.step('The end of the session', 'The agent ends its session with DELETE.');
  stage.must('the answer to DELETE', (await agent.close()).error, undefined);
  stage.show(await stage.records.find(0, ({ action }) => action?.name === 'mcp:DELETE'));
  const decisions = (await stage.records.all()).filter(({ kind }) => kind !== 'ended');
  const count = (wanted) => decisions.filter(({ kind }) => kind === wanted).length;
  console.log(
    `\n${stage.steps} steps as told: ${decisions.length} decisions on record, ` +
      `${count('allow')} allowed, ${count('deny')} denied, ${count('step_up')} waiting for an approval.`,
  );
}
