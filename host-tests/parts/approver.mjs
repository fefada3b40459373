/**
 * The approver: answers the gateway's approval webhook (Standard Webhooks in both directions, npm `standardwebhooks`).
 *
 * How it answers is switched by whoever may open its control socket, which lies in a private folder: whoever
 * may only reach its port, such as the agent, cannot approve. It never looks at what is asked; the modes
 * `repeat` and `forge` misbehave on purpose.
 *
 *     APPROVALS_SECRET=whsec_… node approver.mjs --port 18083 --control /run/approver.sock
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { Webhook } from 'standardwebhooks';

import { required, runAsProgram, UsageError } from './program.mjs';

/** Bytes of a request that are read at most. */
const BODY_LIMIT = 256 * 1024;

/** Milliseconds before a request lapses at which `ask` gives up and says `pending`. */
const MARGIN = 2000;

/**
 * - `approve` and `deny`, after `delay` seconds;
 * - `pending`: not decided yet;
 * - `ask`: waits until somebody decides, and says `pending` shortly before the request lapses;
 * - `repeat`: sends the last approval again, word for word;
 * - `forge`: approves, with a signature of somebody else's.
 */
export const MODES = ['approve', 'deny', 'pending', 'ask', 'repeat', 'forge'];

/** A webhook approver. */
export class Approver {
  /** What was asked, oldest first: the request's body, and the decision once there is one. */
  requests = [];
  #webhook;
  #forger = new Webhook(`whsec_${Buffer.from(randomUUID()).toString('base64')}`);
  #identity;
  #mode = 'approve';
  #delay = 0;
  #lastApproval;
  /** Decisions made for calls nobody waits for any more, by the call's digest. */
  #decided = new Map();

  /**
   * @param {string} secret `whsec_…`, shared with the gateway
   * @param {{iss: string, sub: string}} identity whom answers name as approver
   */
  constructor(secret, identity) {
    this.#webhook = new Webhook(secret);
    this.#identity = identity;
  }

  /** Answers the following requests in `mode`, `delay` seconds late. */
  setMode(mode, delay = 0) {
    if (!MODES.includes(mode)) throw new UsageError(`unknown mode \`${mode}\` (${MODES.join(', ')})`);
    if (!(delay >= 0)) throw new UsageError('the delay must be seconds');
    [this.#mode, this.#delay] = [mode, delay];
  }

  /** Decides the request with this challenge (mode `ask`): now if it waits, or when it is asked again. */
  decide(challenge, decision) {
    if (!['approved', 'denied'].includes(decision)) throw new UsageError(`unknown decision \`${decision}\``);
    const entry = this.requests.find(({ request }) => request.challenge === challenge);
    if (!entry) throw new UsageError(`nobody asked for \`${challenge}\``);
    entry.decision = decision;
    if (entry.wake) entry.wake();
    else this.#decided.set(entry.request.binding.call, decision);
  }

  /** The signed answer to one webhook request: `{status, headers, body}`. */
  async answer(headers, bytes) {
    let request;
    try {
      request = this.#webhook.verify(bytes, headers);
    } catch (error) {
      return { status: 401, headers: {}, body: `${error.message}\n` };
    }
    const entry = { request };
    this.requests.push(entry);
    await new Promise((resolve) => setTimeout(resolve, this.#delay * 1000));
    if (this.#mode === 'repeat' && this.#lastApproval) {
      entry.decision = 'approved';
      return this.#lastApproval;
    }
    entry.decision = await this.#decision(entry);
    const signer = this.#mode === 'forge' ? this.#forger : this.#webhook;
    const answer = this.#signed(signer, entry);
    if (entry.decision === 'approved') this.#lastApproval = answer;
    return answer;
  }

  async #decision(entry) {
    switch (this.#mode) {
      case 'deny':
        return 'denied';
      case 'pending':
        return 'pending';
      case 'ask':
        return this.#asked(entry);
      default:
        return 'approved';
    }
  }

  async #asked(entry) {
    const { call } = entry.request.binding;
    const earlier = this.#decided.get(call);
    if (this.#decided.delete(call)) return earlier;
    const wait = Math.max(0, milliseconds(entry.request.lapses_at) - Date.now() - MARGIN);
    await new Promise((resolve) => {
      entry.wake = resolve;
      setTimeout(resolve, wait).unref();
    });
    entry.wake = undefined;
    return entry.decision ?? 'pending';
  }

  #signed(signer, { request, decision }) {
    const { challenge, binding } = request;
    const body = JSON.stringify({ challenge, binding, decision, approver: this.#identity });
    const [id, now] = [`msg_${randomUUID()}`, new Date()];
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now / 1000)),
      'webhook-signature': signer.sign(id, now, body),
    };
    return { status: 200, headers, body };
  }
}

/** A point in time as the gateway writes it (Unix seconds, or RFC 3339) in milliseconds. */
function milliseconds(time) {
  return typeof time === 'number' ? time * 1000 : Date.parse(time);
}

/**
 * Serves `approver` on loopback port `port` (0 picks one) and its control on the Unix socket `control`.
 *
 * Control: `GET /requests`; `POST /requests/CHALLENGE` `{"decision": "approved" | "denied"}`;
 * `PUT /mode` `{"mode", "delay"}`.
 */
export async function serveApprover(approver, { port, control }) {
  const webhook = createServer(async (request, response) => {
    const body = await read(request);
    const answer = body ? await approver.answer(request.headers, body) : { status: 413, headers: {}, body: '' };
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  const desk = createServer((request, response) => controlled(approver, request, response));
  await listen(webhook, port, '127.0.0.1');
  if (control) await listen(desk, control);
  return { port: webhook.address().port, close: () => [webhook, desk].forEach((server) => server.close()) };
}

async function controlled(approver, request, response) {
  try {
    const body = JSON.parse((await read(request))?.toString() || '{}');
    const answer = operate(approver, `${request.method} ${request.url}`, body);
    response
      .writeHead(answer ? 200 : 404, { 'content-type': 'application/json' })
      .end(`${JSON.stringify(answer ?? {})}\n`);
  } catch (error) {
    response.writeHead(400).end(`${error.message}\n`);
  }
}

function operate(approver, operation, body) {
  if (operation === 'GET /requests')
    return approver.requests.map(({ request, decision }) => ({ ...request, decision }));
  if (operation === 'PUT /mode') approver.setMode(body.mode, body.delay);
  else if (operation.startsWith('POST /requests/'))
    approver.decide(operation.slice('POST /requests/'.length), body.decision);
  else return undefined;
  return { done: operation };
}

async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_LIMIT) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function listen(server, ...where) {
  return new Promise((resolve, reject) => server.once('error', reject).listen(...where, resolve));
}

await runAsProgram(import.meta, async () => {
  const { values } = parseArgs({ options: { port: { type: 'string' }, control: { type: 'string' } } });
  const secret = required(process.env, 'APPROVALS_SECRET');
  const approver = new Approver(secret, { iss: 'https://people.example', sub: 'olivia.operator' });
  await serveApprover(approver, { port: Number(required(values, 'port')), control: required(values, 'control') });
  console.log(`approver http://127.0.0.1:${values.port}`);
});
