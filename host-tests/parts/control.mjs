/**
 * The approver's control socket, from the other side.
 *
 *     node control.mjs requests | approve CHALLENGE | deny CHALLENGE | mode MODE [DELAY]      (APPROVER_SOCKET=…)
 */
import { request } from 'node:http';

import { required, runAsProgram, UsageError } from './program.mjs';

/** Asks the approver behind `socket`; answers its JSON, or throws what it says is wrong. */
export function control(socket, method, path, body) {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath: socket, method, path }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      if (response.statusCode === 200) resolve(JSON.parse(text));
      else reject(new UsageError(text.trim() || `the approver answered ${response.statusCode}`));
    });
    asking.once('error', reject).end(body && JSON.stringify(body));
  });
}

const DECISIONS = { approve: 'approved', deny: 'denied' };

async function main() {
  const socket = required(process.env, 'APPROVER_SOCKET');
  const [command, argument, delay] = process.argv.slice(2);
  if (command === 'requests') {
    for (const asked of await control(socket, 'GET', '/requests')) {
      console.log(
        `${asked.challenge}  ${asked.decision ?? 'waits'}  ${asked.action?.object}  ${JSON.stringify(asked.arguments)}`,
      );
    }
  } else if (command === 'mode') {
    await control(socket, 'PUT', '/mode', { mode: argument, delay: Number(delay ?? 0) });
  } else if (DECISIONS[command] && argument) {
    await control(socket, 'POST', `/requests/${argument}`, { decision: DECISIONS[command] });
  } else {
    throw new UsageError('usage: control.mjs requests | approve CHALLENGE | deny CHALLENGE | mode MODE [DELAY]');
  }
}

await runAsProgram(import.meta, main);
