/**
 * The tools, resources and prompts of `mcp-server.mjs`: what the MCP conformance suite says that a server under test has,
 * under the names that it gives them.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import {
  acceptedContent,
  fromJsonSchema,
  inputRequired,
  inputResponse,
  ResourceTemplate,
} from '@modelcontextprotocol/server';

/** One red pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** No sound. */
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';

const IMAGE = { type: 'image', data: PNG, mimeType: 'image/png' };
const STRING = { type: 'string' };

const text = (words) => ({ type: 'text', text: words });
const says = (words) => ({ content: [text(words)] });
const user = (...contents) => contents.map((content) => ({ role: 'user', content }));
const object = (properties, more = {}) => ({ type: 'object', properties, ...more });
const embedded = (uri, words) => ({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: words } });

/** Adds the tools; `notify` and `mint` as in `mcp-server.mjs`. */
export function addTools(server, { notify, mint }) {
  const add = (name, schema, work, more = {}) =>
    server.registerTool(name, { description: `${name} of the suite`, inputSchema: schema, ...more }, work);
  const tool = (name, work) => add(name, fromJsonSchema(object({})), work);
  addAnswers(tool);
  addReports(tool);
  addQuestions(tool, add);
  addRounds(tool, mint);
  addChanges(tool, notify);
  add('json_schema_2020_12_tool', fromJsonSchema(RICH_SCHEMA), () => says('valid'));
  // Annotated, so that the server compares `Mcp-Param-Region` with the argument.
  const region = object({ region: { ...STRING, 'x-mcp-header': 'Region' } }, { required: ['region'] });
  add('test_header_parameter', fromJsonSchema(region), ({ region }) => says(`Region ${region}`));
}

const RICH_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: STRING, city: STRING } } },
  properties: {
    name: STRING,
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: STRING,
    email: STRING,
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

/** Tools that only answer. */
function addAnswers(tool) {
  tool('test_simple_text', () => says('This is a simple text response for testing.'));
  tool('test_image_content', () => ({ content: [IMAGE] }));
  tool('test_audio_content', () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }));
  const resource = embedded('test://embedded-resource', 'This is an embedded resource content.');
  tool('test_embedded_resource', () => ({ content: [resource] }));
  tool('test_multiple_content_types', () => ({
    content: [text('Multiple content types test:'), IMAGE, embedded('test://mixed-content-resource', '{"test":1}')],
  }));
  tool('test_error_handling', () => ({
    ...says('This tool intentionally returns an error for testing'),
    isError: true,
  }));
}

/** Tools that report while they work. */
function addReports(tool) {
  tool('test_tool_with_logging', async (_args, { mcpReq }) => {
    for (const step of ['started', 'processing data', 'completed']) {
      await mcpReq.log('info', `Tool execution ${step}`);
      await sleep(50);
    }
    return says('Logged');
  });
  tool('test_logging_tool', async (_args, { mcpReq }) => {
    await mcpReq.log('info', 'Only for who asked for it');
    return says('Logged');
  });
  tool('test_tool_with_progress', async (_args, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
      }
      await sleep(50);
    }
    return says('Done');
  });
  tool('test_reconnection', async (_args, { http }) => {
    http?.closeSSE?.();
    await sleep(100);
    return says('Reconnection test completed successfully');
  });
}

/** Tools that ask the client something: with a request of their own, or in 2026-07-28 with an incomplete result. */
function addQuestions(tool, add) {
  const asks = (question) => (args, context) => {
    const answer = inputResponse(context.mcpReq.inputResponses, 'answer');
    if (answer.kind === 'missing') return inputRequired({ inputRequests: { answer: question(args) } });
    return says(`Answered: ${JSON.stringify(answer)}`);
  };
  const elicits = (properties, required) => (args) =>
    inputRequired.elicit({ message: args?.message ?? 'Please say', requestedSchema: object(properties, { required }) });
  const needs = (name) => fromJsonSchema(object({ [name]: STRING }, { required: [name] }));
  add('test_sampling', needs('prompt'), asks(({ prompt }) => sampling(prompt, 100)));
  add('test_elicitation', needs('message'), asks(elicits({ username: STRING, email: STRING }, ['username', 'email'])));
  tool('test_elicitation_sep1034_defaults', asks(elicits(DEFAULTS, [])));
  tool('test_elicitation_sep1330_enums', asks(elicits(ENUMS, [])));
  tool('test_streaming_elicitation', asks(elicits({ name: STRING }, ['name'])));
  // Refused before it is asked, of a client that did not say that it can be sampled.
  tool('test_missing_capability', asks(() => sampling('Anything', 10)));
}

const DEFAULTS = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};

const titled = (...names) => names.map((title, index) => ({ const: `value${index + 1}`, title }));
const OPTIONS = { type: 'string', enum: ['option1', 'option2', 'option3'] };
const ENUMS = {
  untitledSingle: OPTIONS,
  titledSingle: { type: 'string', oneOf: titled('First Option', 'Second Option', 'Third Option') },
  legacyEnum: {
    type: 'string',
    enum: ['opt1', 'opt2', 'opt3'],
    enumNames: ['Option One', 'Option Two', 'Option Three'],
  },
  untitledMulti: { type: 'array', items: OPTIONS },
  titledMulti: { type: 'array', items: { anyOf: titled('First Choice', 'Second Choice', 'Third Choice') } },
};

function sampling(words, maxTokens) {
  return inputRequired.createMessage({ messages: user(text(words)), maxTokens });
}

function elicit(message, name, type = 'string') {
  return inputRequired.elicit({ message, requestedSchema: object({ [name]: { type } }, { required: [name] }) });
}

/** Tools that take several rounds (SEP-2322). */
function addRounds(tool, mint) {
  const rounds = (name, questions, done, state) =>
    tool(`test_input_required_result_${name}`, async (_args, context) => {
      const { inputResponses, requestState } = context.mcpReq;
      const missing = Object.keys(questions).filter((key) => inputResponse(inputResponses, key).kind === 'missing');
      if (missing.length === 0 && (!state || requestState())) return says(done(inputResponses));
      const minted = state && { requestState: await mint({ name }, context) };
      return inputRequired({ inputRequests: questions, ...minted });
    });
  const name = elicit('What is your name?', 'name');
  const roots = inputRequired.listRoots();
  rounds('elicitation', { user_name: name }, (given) => `Hello, ${acceptedContent(given, 'user_name')?.name}!`);
  rounds('sampling', { capital_question: sampling('What is the capital of France?', 100) }, JSON.stringify);
  rounds('list_roots', { client_roots: roots }, JSON.stringify);
  const confirm = { confirm: elicit('Please confirm', 'ok', 'boolean') };
  rounds('request_state', confirm, () => 'state-ok', true);
  rounds('tampered_state', confirm, () => 'state-ok', true);
  const several = { user_name: name, greeting: sampling('Generate a greeting', 50), client_roots: roots };
  rounds('multiple_inputs', several, JSON.stringify, true);
  tool('test_input_required_result_multi_round', async (_args, context) => {
    const { round = 0 } = context.mcpReq.requestState() ?? {};
    const asked = [
      { step1: elicit('Step 1: What is your name?', 'name') },
      { step2: elicit('Step 2: What is your favorite color?', 'color') },
    ][round];
    if (!asked) return says('All rounds done');
    return inputRequired({ inputRequests: asked, requestState: await mint({ round: round + 1 }, context) });
  });
  tool('test_input_required_result_capabilities', (_args, { mcpReq }) => {
    const can = mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? {};
    const questions = {
      ...(can.elicitation && { user_name: name }),
      ...(can.sampling && { greeting: sampling('Generate a greeting', 50) }),
      ...(can.roots && { client_roots: roots }),
    };
    const open = Object.keys(questions).some((key) => inputResponse(mcpReq.inputResponses, key).kind === 'missing');
    return open ? inputRequired({ inputRequests: questions }) : says('Nothing to ask');
  });
}

/** Tools that change what there is. */
function addChanges(tool, notify) {
  tool('test_trigger_tool_change', () => {
    notify?.toolsChanged();
    return says('Changed');
  });
  tool('test_trigger_prompt_change', () => {
    notify?.promptsChanged();
    return says('Changed');
  });
}

/** Adds the resources. */
export function addResources(server) {
  const add = (name, mimeType, content) =>
    server.registerResource(name, `test://${name}`, { description: `${name} of the suite`, mimeType }, (uri) => ({
      contents: [{ uri: uri.href, mimeType, ...content }],
    }));
  add('static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  add('static-binary', 'image/png', { blob: PNG });
  add('watched-resource', 'text/plain', { text: 'Watched' });
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  const mimeType = 'application/json';
  server.registerResource('template', template, { mimeType }, (uri, { id }) => ({
    contents: [{ uri: uri.href, mimeType, text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }],
  }));
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}

/** Adds the prompts. */
export function addPrompts(server) {
  const add = (name, names, messages) => {
    const schema = names.length > 0 && object(Object.fromEntries(names.map((key) => [key, STRING])), { required: names });
    const config = { description: `${name} of the suite`, ...(schema && { argsSchema: fromJsonSchema(schema) }) };
    server.registerPrompt(name, config, schema ? messages : (context) => messages({}, context));
  };
  add('test_simple_prompt', [], () => ({ messages: user(text('This is a simple prompt for testing.')) }));
  add('test_prompt_with_arguments', ['arg1', 'arg2'], ({ arg1, arg2 }) => ({
    messages: user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  }));
  add('test_prompt_with_embedded_resource', ['resourceUri'], ({ resourceUri }) => ({
    messages: user(embedded(resourceUri, 'Embedded resource content for testing.'), text('Please process it.')),
  }));
  add('test_prompt_with_image', [], () => ({ messages: user(IMAGE, text('Please analyze the image above.')) }));
  add('test_input_required_result_prompt', [], (_args, { mcpReq }) => {
    const given = acceptedContent(mcpReq.inputResponses, 'user_context');
    if (given) return { messages: user(text(`In the context of ${given.context}`)) };
    return inputRequired({
      inputRequests: { user_context: elicit('What context should the prompt use?', 'context') },
    });
  });
}
