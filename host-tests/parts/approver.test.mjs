import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Approver, serveApprover } from './approver.mjs';
import { control } from './control.mjs';

const key = randomBytes(32);
const identity = { iss: 'https://people.example', sub: 'olivia' };
const folder = mkdtempSync(join(tmpdir(), 'approver-'));
const socket = join(folder, 'control.sock');
let running;

before(async () => {
  running = await serveApprover(new Approver(`whsec_${key.toString('base64')}`, identity), {
    port: 0,
    control: socket,
  });
});
after(() => {
  running.close();
  rmSync(folder, { recursive: true });
});

/** The signature as the specification states it, without the library under test. */
function sign(id, timestamp, body, secret = key) {
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

async function ask(name, { secret = key, lapses = 30 } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const body = JSON.stringify({
    type: 'approval.requested',
    challenge: `ch_${name}`,
    binding: { call: `call-${name}`, body: 'b' },
    lapses_at: now + lapses,
    action: { tool: name },
    arguments: {},
  });
  const response = await fetch(`http://127.0.0.1:${running.port}/approvals`, {
    method: 'POST',
    body,
    headers: {
      'webhook-id': 'msg_1',
      'webhook-timestamp': `${now}`,
      'webhook-signature': sign('msg_1', now, body, secret),
    },
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

function signedWith(answer, secret = key) {
  const header = (name) => answer.headers.get(`webhook-${name}`);
  return header('signature') === sign(header('id'), header('timestamp'), answer.body, secret);
}

const mode = (name, delay) => control(socket, 'PUT', '/mode', { mode: name, delay });

test('approvals and refusals echo challenge and binding, name the approver and are signed', async () => {
  for (const [name, decision] of [
    ['approve', 'approved'],
    ['deny', 'denied'],
    ['pending', 'pending'],
  ]) {
    await mode(name);
    const answer = await ask('one');
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.body), {
      challenge: 'ch_one',
      binding: { call: 'call-one', body: 'b' },
      decision,
      approver: identity,
    });
    assert.ok(signedWith(answer));
  }
});

test('a request that is not signed with the secret is refused', async () => {
  await mode('approve');
  const before = (await control(socket, 'GET', '/requests')).length;
  assert.equal((await ask('one', { secret: randomBytes(32) })).status, 401);
  assert.equal((await control(socket, 'GET', '/requests')).length, before);
});

test('an approval can be held', async () => {
  await mode('approve', 0.3);
  const started = Date.now();
  await ask('late');
  assert.ok(Date.now() - started >= 300);
});

test('repeat sends the last approval word for word', async () => {
  await mode('approve');
  const first = await ask('a');
  await mode('repeat');
  const second = await ask('b');
  assert.equal(second.body, first.body);
  assert.equal(second.headers.get('webhook-signature'), first.headers.get('webhook-signature'));
});

test('forge signs with another secret', async () => {
  await mode('forge');
  assert.ok(!signedWith(await ask('a')));
});

test('ask waits for a decision, and remembers one that came too late', async () => {
  await mode('ask');
  const waiting = ask('now');
  while (!(await control(socket, 'GET', '/requests')).some(({ challenge }) => challenge === 'ch_now'));
  await control(socket, 'POST', '/requests/ch_now', { decision: 'denied' });
  assert.equal(JSON.parse((await waiting).body).decision, 'denied');

  assert.equal(JSON.parse((await ask('slow', { lapses: 2 })).body).decision, 'pending');
  await control(socket, 'POST', '/requests/ch_slow', { decision: 'approved' });
  assert.equal(JSON.parse((await ask('slow')).body).decision, 'approved');
});

test('control refuses what it does not know', async () => {
  await assert.rejects(mode('nonsense'), /unknown mode `nonsense`/);
  await assert.rejects(control(socket, 'POST', '/requests/none', { decision: 'approved' }), /nobody asked/);
  await assert.rejects(control(socket, 'GET', '/elsewhere'), /404|{}/);
});
