/**
 * Arguments that a tool's JSON Schema admits, as Ajv judges it: the fewest there can be, and all that are declared with one
 * more wherever more may be. What is between a client and such a server must let both pass.
 */
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** Below this only what is required is written: schemas may contain themselves. */
const DEEPEST = 8;
/** Texts, one of which every `format` and `pattern` that servers write has. */
const TEXTS = [
  'a',
  'aaa',
  'AA',
  'AA-1',
  '0',
  '1d',
  'example.com',
  'https://example.com/',
  'someone@example.com',
  '2026-01-02',
  '2026-01-02T03:04:05Z',
  '123e4567-e89b-42d3-a456-426614174000',
  '127.0.0.1',
  '10.0.0.0/8',
];

/** What an honest client may call `tool` with. */
export function calls(tool) {
  const old = /draft-0[3-7]/.test(tool.inputSchema.$schema ?? '');
  const ajv = new (old ? Ajv : Ajv2020)({ strict: false, validateFormats: true, logger: false });
  addFormats.default(ajv);
  const admits = ajv.compile(tool.inputSchema);
  return [false, true].map((everything) => {
    const call = new Writer(tool.inputSchema, everything).value(tool.inputSchema, 0);
    if (!admits(call)) {
      throw new Error(`${tool.name} does not admit ${JSON.stringify(call)}: ${JSON.stringify(admits.errors)}`);
    }
    return call;
  });
}

/** Writes values of the schemas in one document. */
class Writer {
  #document;
  #everything;

  constructor(document, everything) {
    this.#document = document;
    this.#everything = everything;
  }

  value(schema, depth) {
    if (schema === true) return { anything: [1, 'goes', null] };
    if (schema.$ref !== undefined) return this.value(this.#target(schema.$ref), depth);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum !== undefined) return schema.enum.at(-1);
    const alternatives = (schema.anyOf ?? schema.oneOf)?.filter(({ type }) => type !== 'null');
    // The last: it is what is tried last.
    if (alternatives) return this.value(alternatives.at(-1), depth);
    if (schema.allOf !== undefined) return this.value(schema.allOf[0], depth);
    const type = [schema.type].flat().filter((type) => type !== 'null').at(-1);
    if (type === 'string') return text(schema);
    if (type === 'integer' || type === 'number') return number(schema, type);
    if (type === 'boolean') return true;
    if (type === 'array') return this.#list(schema, depth);
    if (type === 'object') return this.#object(schema, depth);
    return this.value(true, depth);
  }

  #list(schema, depth) {
    const items = schema.items ?? true;
    const least = schema.minItems ?? 0;
    const wanted = this.#everything && depth < DEEPEST ? Math.max(least, 1) : least;
    return Array.from({ length: Math.min(wanted, schema.maxItems ?? wanted) }, () => this.value(items, depth + 1));
  }

  #object(schema, depth) {
    const { properties = {}, required = [], additionalProperties: more = false } = schema;
    const everything = this.#everything && depth < DEEPEST;
    const names = Object.keys(properties).filter((name) => everything || required.includes(name));
    const members = names.map((name) => [name, this.value(properties[name], depth + 1)]);
    if (everything && more !== false) members.push(['undeclared', this.value(more, depth + 1)]);
    return Object.fromEntries(members);
  }

  #target(reference) {
    const names = decodeURIComponent(reference).replace(/^#\/?/, '').split('/').filter(Boolean);
    const unescaped = (name) => name.replaceAll('~1', '/').replaceAll('~0', '~');
    return names.reduce((value, name) => value[unescaped(name)], this.#document);
  }
}

function text(schema) {
  const ajv = new Ajv2020({ strict: false, logger: false });
  addFormats.default(ajv);
  const admits = ajv.compile(schema);
  const long = 'a'.repeat(schema.minLength ?? 0);
  const found = [...TEXTS, long].find((text) => admits(text));
  if (found === undefined) throw new Error(`no text is ${JSON.stringify(schema)}`);
  return found;
}

function number({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf = 1 }, type) {
  const least = minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + multipleOf);
  const most = maximum ?? (exclusiveMaximum === undefined ? undefined : exclusiveMaximum - multipleOf);
  const whole = Math.min(Math.max(1, least ?? 1), most ?? Infinity);
  // A fraction where one may be: numbers are not all integers.
  const free = type === 'number' && multipleOf === 1 && (most === undefined || whole + 0.5 <= most);
  return free ? whole + 0.5 : whole;
}
