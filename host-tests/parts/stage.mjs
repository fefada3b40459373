/** What the story is told with: numbered steps, what was asked and answered, the record, and what must hold. */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';

import { control } from './control.mjs';
import { Records } from './records.mjs';

/** Something did not happen as the story says. */
export class Differs extends Error {
  expected = true;
}

/** The running parts as the story sees them. */
export class Stage {
  /** Steps told so far. */
  steps = 0;
  #socket;
  #upstreamLog;

  constructor({ log, upstreamLog, socket }) {
    this.records = new Records(log);
    this.#socket = socket;
    this.#upstreamLog = upstreamLog;
  }

  /** Begins a step. */
  step(title, ...words) {
    this.steps += 1;
    console.log(`\n── ${this.steps}. ${title}`);
    for (const line of words) console.log(`   ${line}`);
  }

  /** Prints one line of a step. */
  tell(what, text) {
    console.log(`   ${what.padEnd(9)} ${text}`);
  }

  /** Ends the story unless `found` is what the step says. */
  must(what, found, wanted) {
    if (!isDeepStrictEqual(found, wanted)) {
      throw new Differs(`step ${this.steps}: ${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
    }
  }

  /** How the approver answers from now on. */
  approver(mode, delay = 0) {
    return control(this.#socket, 'PUT', '/mode', { mode, delay });
  }

  /** Everything the approver was asked. */
  asked() {
    return control(this.#socket, 'GET', '/requests');
  }

  /** How many messages have reached the MCP server. */
  async reached() {
    return (await readFile(this.#upstreamLog, 'utf8')).split('Received MCP POST request').length - 1;
  }

  /**
   * One tool call and all that must hold of it: HTTP status, record kind and reason, how often the approver was
   * asked, and that the MCP server saw it exactly if it was allowed. Answers `{answer, record}`.
   */
  async call(agent, tool, args, { status, kind, reason, asked = 0 }) {
    this.tell('agent', `tools/call ${tool} ${JSON.stringify(args)}`);
    const before = [(await this.records.all()).length, await this.reached(), (await this.asked()).length];
    const answer = await agent.call(tool, args);
    this.tell('answer', told(answer));
    const record = await this.records.find(before[0], recordOf(answer, tool));
    this.show(record);
    this.must('the HTTP status', answer.status, status);
    this.must('the record', { kind: record.kind, reason: record.reason }, { kind, reason });
    this.must('how often the MCP server saw it', (await this.reached()) - before[1], kind === 'allow' ? 1 : 0);
    this.must('how often the approver was asked', (await this.asked()).length - before[2], asked);
    return { answer, record };
  }

  /** Prints a record's telling members. */
  show(record) {
    const { id, kind, reason, workload, task, action, risk, policies, detail, approval, elapsed_us: elapsed } = record;
    this.tell('record', `${kind} ${reason}  ${(elapsed / 1000).toFixed(1)} ms  ${id}`);
    const told = {
      workload: workload?.subject,
      task: task?.id,
      action: action?.name,
      object: action?.object,
      arguments: action?.arguments_digest,
      risk,
      policies: policies?.join(', '),
      detail,
      approver: approval && `${approval.approver.subject} (${approval.approver.issuer})`,
    };
    for (const [name, value] of Object.entries(told)) if (value) this.tell('', `${name.padEnd(9)} ${value}`);
  }
}

/** The decision a refusal names; an allowed call is found by what it did. */
function recordOf(answer, tool) {
  const named = answer.error?.error?.data?.decision ?? answer.error?.instance?.replace('urn:uuid:', '');
  if (named) return ({ id, kind }) => id === named && kind !== 'ended';
  return ({ kind, action }) => kind === 'allow' && action?.name === 'mcp:tools/call' && action.object === tool;
}

function told({ status, headers, error, result }) {
  const text = error ? JSON.stringify(error) : JSON.stringify(result?.content ?? result);
  const challenge = headers['www-authenticate'];
  return [`HTTP ${status}`, text, challenge && `\n             www-authenticate: ${challenge}`]
    .filter(Boolean)
    .join(' ');
}
