/** Reads Countersign's records out of a gateway's log while it is being written. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where a record begins in a log line. */
const START = '{"countersign":';

/** Every record in `text`, oldest first. A line that is still being written is left for the next look. */
export function recordsIn(text) {
  const complete = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return complete.filter((line) => line.includes(START)).map((line) => JSON.parse(line.slice(line.indexOf(START))));
}

/** The records of the gateway whose log is `path`. */
export class Records {
  #path;

  constructor(path) {
    this.#path = path;
  }

  /** All records up to now. */
  async all() {
    return recordsIn(await readFile(this.#path, 'utf8'));
  }

  /** The first record from number `from` on for which `wanted` holds; waits for it up to `timeout` milliseconds. */
  async find(from, wanted, timeout = 5000) {
    const deadline = Date.now() + timeout;
    for (;;) {
      const seen = (await this.all()).slice(from);
      const found = seen.find(wanted);
      if (found) return found;
      if (Date.now() > deadline)
        throw new Error(`no such record within ${timeout} ms; there were: ${JSON.stringify(seen)}`);
      await sleep(50);
    }
  }
}
