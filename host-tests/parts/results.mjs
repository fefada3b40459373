/** Reads what the MCP conformance suite found, and compares two runs of it. Never decides which run is right. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** From the best to the worst that a check can say. */
const SEVERITY = ['SUCCESS', 'INFO', 'SKIPPED', 'WARNING', 'FAILURE'];

/** The suite writes a folder for each scenario: its name between what is tested and when. */
const FOLDER = /^server-(?<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/;

/** `{scenario: {check: status}}` of a run that wrote to `folder`; of a check that was made several times the worst. */
export async function readResults(folder) {
  const results = {};
  for (const name of (await readdir(folder)).sort()) {
    const scenario = FOLDER.exec(name)?.groups.scenario;
    if (!scenario) throw new Error(`${name} is no result of the suite`);
    const checks = JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8'));
    results[scenario] = worst(checks);
  }
  return results;
}

function worst(checks) {
  const found = {};
  for (const { id, status } of checks) {
    if (!SEVERITY.includes(status)) throw new Error(`${id} has the unknown status ${status}`);
    const before = found[id] ?? SEVERITY[0];
    found[id] = SEVERITY.indexOf(status) > SEVERITY.indexOf(before) ? status : before;
  }
  return found;
}

/**
 * How the results changed from `before` to `after`, check by check: `{scenario, check, before, after, better}`. Better is
 * what failed and no longer does; a check that is only in one of them, or says something else, is a change for the worse.
 */
export function changes(before, after) {
  const changed = [];
  for (const scenario of names(before, after)) {
    const [one, other] = [before[scenario] ?? {}, after[scenario] ?? {}];
    for (const check of names(one, other)) {
      const [was, is] = [one[check] ?? 'absent', other[check] ?? 'absent'];
      if (was !== is) {
        const better = ['WARNING', 'FAILURE'].includes(was) && is === 'SUCCESS';
        changed.push({ scenario, check, before: was, after: is, better });
      }
    }
  }
  return changed;
}

/** The checks of a run that did not succeed, as `scenario: check`; those that only tell something are not among them. */
export function failures(results) {
  return Object.entries(results).flatMap(([scenario, checks]) =>
    Object.entries(checks)
      .filter(([, status]) => ['WARNING', 'FAILURE'].includes(status))
      .map(([check]) => `${scenario}: ${check}`),
  );
}

/** A line for each scenario: how many of its checks succeeded, before and after. */
export function* sideBySide(before, after) {
  for (const scenario of names(before, after)) {
    const [one, other] = [counted(before[scenario]), counted(after[scenario])];
    yield `${scenario.padEnd(50)} ${one.padStart(8)} ${other.padStart(8)}${one === other ? '' : '  ←'}`;
  }
}

function counted(checks = {}) {
  const all = Object.values(checks).filter((status) => !['INFO', 'SKIPPED'].includes(status));
  return `${all.filter((status) => status === 'SUCCESS').length}/${all.length}`;
}

function names(...objects) {
  return [...new Set(objects.flatMap(Object.keys))];
}
