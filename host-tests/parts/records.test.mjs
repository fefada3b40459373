import assert from 'node:assert/strict';
import { test } from 'node:test';

import { recordsIn } from './records.mjs';

test('records are found in log lines; a half-written line is not read', () => {
  const log = [
    '[2026-01-01 00:00:00.000][12][info][main] starting',
    '[2026-01-01 00:00:00.000][12][warning][wasm] wasm log countersign: {"countersign":1,"kind":"allow"}',
    '[2026-01-01 00:00:00.000][12][warning][wasm] wasm log countersign: {"countersign":1,"ki',
  ].join('\n');
  assert.deepEqual(recordsIn(log), [{ countersign: 1, kind: 'allow' }]);
});
