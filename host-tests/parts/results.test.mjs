import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { changes, failures, readResults, sideBySide } from './results.mjs';

const bare = {
  ping: { ping: 'SUCCESS', wire: 'SUCCESS' },
  rebinding: { refused: 'FAILURE', accepted: 'SUCCESS' },
};

test('of a check that was made twice the worst counts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-results.'));
  try {
    const run = join(folder, 'server-tools-call-error-2026-11-25T20-56-53-516Z');
    await mkdir(run);
    const checks = ['SUCCESS', 'FAILURE', 'SUCCESS'].map((status) => ({ id: 'a', status }));
    await writeFile(join(run, 'checks.json'), JSON.stringify(checks));
    assert.deepEqual(await readResults(folder), { 'tools-call-error': { a: 'FAILURE' } });
    await writeFile(join(run, 'checks.json'), JSON.stringify([{ id: 'a', status: 'FINE' }]));
    await assert.rejects(readResults(folder), /unknown status FINE/);
    await mkdir(join(folder, 'elsewhere'));
    await assert.rejects(readResults(folder), /elsewhere is no result/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the same is no change', () => {
  assert.deepEqual(changes(bare, structuredClone(bare)), []);
  assert.deepEqual(failures(bare), ['rebinding: refused']);
});

test('only what failed and no longer does is better', () => {
  const verdict = (scenario, check, status) => {
    const after = structuredClone(bare);
    after[scenario] = { ...after[scenario], [check]: status };
    return changes(bare, after).map(({ before, after, better }) => [before, after, better]);
  };
  assert.deepEqual(verdict('rebinding', 'refused', 'SUCCESS'), [['FAILURE', 'SUCCESS', true]]);
  assert.deepEqual(verdict('rebinding', 'refused', 'SKIPPED'), [['FAILURE', 'SKIPPED', false]]);
  assert.deepEqual(verdict('ping', 'ping', 'FAILURE'), [['SUCCESS', 'FAILURE', false]]);
  assert.deepEqual(verdict('ping', 'more', 'FAILURE'), [['absent', 'FAILURE', false]]);
  assert.deepEqual(verdict('other', 'more', 'SUCCESS'), [['absent', 'SUCCESS', false]]);
  const lost = changes(bare, { rebinding: bare.rebinding });
  assert.deepEqual(lost.map(({ after, better }) => [after, better]), [['absent', false], ['absent', false]]);
});

test('a scenario is a line, and one that changed is marked', () => {
  const after = { ...bare, rebinding: { refused: 'SUCCESS', accepted: 'SUCCESS' } };
  const [same, changed] = [...sideBySide(bare, after)].map((line) => line.replace(/ +/g, ' '));
  assert.deepEqual([same, changed], ['ping 2/2 2/2', 'rebinding 1/2 2/2 ←']);
});
