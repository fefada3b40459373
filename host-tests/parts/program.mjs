/** What the parts share when they run as programs. */
import { realpathSync } from 'node:fs';

/** Runs `main` only if the module was started by name; a failure ends the process with one line and status 1. */
export async function runAsProgram(meta, main) {
  if (!process.argv[1] || meta.filename !== realpathSync(process.argv[1])) return;
  try {
    await main();
  } catch (error) {
    console.error(error.expected ? `${error.message}` : error.stack);
    process.exit(1);
  }
}

/** A mistake of whoever called, told without a stack. */
export class UsageError extends Error {
  expected = true;
}

/** The option or variable called `name`, which must be there. */
export function required(values, name) {
  const value = values[name];
  if (value === undefined || value === '') throw new UsageError(`${name} is missing`);
  return value;
}
