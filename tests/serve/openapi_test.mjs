// SPDX-License-Identifier: Apache-2.0
// Validates tools/serve/openapi.json, and checks every answer of a server against it, the mock or a
// real one:
//
//   node openapi_test.mjs SOURCE [--url http://127.0.0.1:8080] [--key KEY]
import { Validator } from '@seriousme/openapi-schema-validator';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit } from 'node:process';
import { Answers } from './answers.mjs';
import { startMock } from './mock_server.mjs';

const option = (name) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined);
const text = readFileSync(join(argv[2], 'tools/serve/openapi.json'), 'utf8');
assert.match(text, /^[\n\x20-\x7e]*$/, 'expected ASCII only: the file becomes a string literal');
assert.ok(text.length < 65_536, 'expected a string literal that every compiler takes');
const openapi = JSON.parse(text);
const validator = new Validator();
const valid = await validator.validate(structuredClone(openapi));
assert.ok(valid.valid, JSON.stringify(valid.errors, null, 1));
assert.equal(validator.version, '3.1');

// Every reference leads somewhere, every part is used, and no operation has another's name.
const references = new Set(text.match(/#\/components\/\w+\/\w+/g));
for (const reference of references) {
  assert.ok(
    reference
      .slice(2)
      .split('/')
      .reduce((at, key) => at?.[key], openapi),
    `${reference} leads nowhere`,
  );
}
for (const kind of ['schemas', 'responses', 'headers']) {
  for (const name of Object.keys(openapi.components[kind])) {
    const used = references.has(`#/components/${kind}/${name}`);
    assert.ok(used, `${kind}/${name} is not used`);
  }
}
const names = Object.values(openapi.paths).flatMap((item) =>
  Object.values(item).map((o) => o.operationId),
);
assert.equal(new Set(names).size, names.length);

// What is sent has no field that the file does not know, and the test can fail.
const answers = new Answers(openapi);
const error = { error: { message: 'm', type: 'server_error', param: null, code: null } };
answers.fit('Error', error);
assert.throws(() => answers.fit('Error', { error: { ...error.error, more: 1 } }));
assert.throws(() =>
  answers.fit('Error', { error: { message: 'm', type: 'server_error', param: null } }),
);

const mock = option('--url') ? null : await startMock({ root: argv[2] });
const url = option('--url') ?? mock.url;
const key = option('--key');
const authorization = key ? { Authorization: `Bearer ${key}` } : {};

// Sends a request, checks the answer and returns it. A body that is text is sent as it is.
async function ask(method, path, body, headers = {}) {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...authorization,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const answer = {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    headers: response.headers,
    text: await response.text(),
  };
  answers.check(method, path.split('?')[0], answer);
  return {
    ...answer,
    json: answer.type.startsWith('application/json') ? JSON.parse(answer.text) : null,
  };
}
const complete = (body, status = 200) =>
  ask('POST', '/v1/completions', body).then((answer) => {
    assert.equal(answer.status, status, `${JSON.stringify(body)}: ${answer.text.slice(0, 300)}`);
    return answer;
  });

const { data } = (await ask('GET', '/v1/models')).json;
const [model] = data;
await ask('GET', '/v1/models/' + encodeURIComponent(model.id));
assert.equal((await ask('GET', '/v1/models/another')).status, 404);

const base = { prompt: 'Once upon a time', max_tokens: 6, seed: 3 };
const samplings = [
  {},
  { temperature: 0 },
  { top_k: -1, min_p: 0, typical_p: 1, repetition_penalty: 1, logit_bias: {} },
  { stop: [null, '', ' king'] },
  { user: 'me', unknown: 1 },
  { seed: -1 },
  { seed: null },
];
for (const more of samplings) await complete({ ...base, ...more });
for (const prompt of ['A', ['A', 'B'], [11, 12, 13], [[11, 12], [13]], null]) {
  for (const more of [
    {},
    { logprobs: 0 },
    { logprobs: 5 },
    { echo: true },
    { echo: true, logprobs: 1 },
    { echo: true, logprobs: 1, max_tokens: 0 },
    { n: 2 },
  ]) {
    const whole = await complete({ ...base, ...more, prompt });
    const count =
      (Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt.length : 1) * (more.n ?? 1);
    assert.deepEqual(
      whole.json.choices.map((c) => c.index),
      Array.from({ length: count }, (_, i) => i),
    );
    if (more.max_tokens === 0) continue;
    // The texts of a stream, put together, are those of the whole answer.
    const streamed = await complete({
      ...base,
      ...more,
      prompt,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = streamed.text
      .split('\n\n')
      .filter((e) => e.startsWith('data: {'))
      .map((e) => JSON.parse(e.slice(6)));
    const texts = Array(count).fill('');
    const tokens = Array(count).fill(0);
    for (const {
      choices: [choice],
    } of chunks) {
      if (!choice) continue;
      texts[choice.index] += choice.text;
      tokens[choice.index] += choice.logprobs?.tokens.length ?? 0;
    }
    assert.deepEqual(
      texts,
      whole.json.choices.map((c) => c.text),
    );
    if (more.logprobs !== undefined)
      assert.deepEqual(
        tokens,
        whole.json.choices.map((c) => c.logprobs.tokens.length),
      );
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, whole.json.usage.completion_tokens);
    assert.ok(chunks.slice(0, -1).every((c) => c.usage === null && c.choices.length === 1));
    for (let i = 0; i < count; ++i) {
      const reasons = chunks
        .flatMap((c) => c.choices)
        .filter((c) => c.index === i)
        .map((c) => c.finish_reason);
      assert.ok(reasons.pop() !== null && reasons.every((r) => r === null));
    }
  }
}
const plain = await complete({ ...base, stream: true });
assert.ok(!plain.text.includes('"usage"'));

for (const wrong of [
  { prompt: [] },
  { prompt: 7 },
  { prompt: [[]] },
  { temperature: 'hot' },
  { top_p: 2 },
  { logprobs: 50 },
  { n: 1000 },
  { max_tokens: 100_000 },
  { grammar: 'root ::= "a"' },
  { suffix: 'end' },
  { response_format: { type: 'json_object' } },
  { stream_options: { include_usage: true } },
  { stream: true, best_of: 3 },
  { prompt: [1, 99_999_999] },
]) {
  const { json } = await complete({ ...base, ...wrong }, 400);
  assert.ok(json.error.message.length > 8);
}
for (const body of ['', '{', '[]', 'x'.repeat(10)])
  assert.equal((await ask('POST', '/v1/completions', body)).status, 400);
assert.equal((await ask('POST', '/v1/chat/completions', { messages: [] })).status, 404);
assert.equal((await ask('GET', '/v1/completions')).status, 405);
assert.equal((await ask('GET', '/nothing')).status, 404);
assert.equal((await ask('POST', '/api/nothing', {})).status, 404);

const { tokens } = (
  await ask('POST', '/tokenize', { prompt: 'Once upon a time', add_special_tokens: false })
).json;
await ask('POST', '/tokenize', { content: 'Once upon', with_pieces: true });
assert.equal((await ask('POST', '/detokenize', { tokens })).json.prompt, 'Once upon a time');
assert.equal((await ask('POST', '/detokenize', { tokens: 'x' })).status, 400);
await ask('GET', '/tokenizer_info');
for (const path of [
  '/health',
  '/readyz',
  '/v1/health',
  '/livez',
  '/health?fail_on_full=1',
  '/metrics',
  '/',
  '/openapi.json',
]) {
  assert.equal((await ask('GET', path)).status, 200, path);
}

for (const prefix of ['/api/v1/', '/api/latest/']) {
  for (const path of ['info/version', 'model', 'config/max_context_length', 'config/max_length'])
    await ask('GET', prefix + path);
  assert.equal(
    (await ask('POST', prefix + 'generate', { prompt: 'A wolf', max_length: 5, sampler_seed: 4 }))
      .status,
    200,
  );
  assert.equal(
    (
      await ask('POST', prefix + 'generate', {
        prompt: 'A wolf',
        max_length: 5,
        grammar: 'root ::= "a"',
      })
    ).status,
    400,
  );
}
for (const path of ['version', 'true_max_context_length', 'perf', 'generate/check'])
  await ask('GET', '/api/extra/' + path);
assert.equal(
  (await ask('POST', '/api/extra/generate/stream', { prompt: 'A wolf', max_length: 5 })).status,
  200,
);
await ask('POST', '/api/extra/generate/check', { genkey: 'none' });
await ask('POST', '/api/extra/abort');
await ask('POST', '/api/extra/abort', { genkey: 'none' });
await ask('POST', '/api/extra/tokencount', { prompt: 'A wolf' });

assert.deepEqual(answers.unseen(), [], 'operations of which no answer was checked');
if (mock) {
  mock.state.apiKey = 'k';
  assert.equal((await ask('GET', '/v1/models')).status, 401);
  assert.equal((await ask('GET', '/api/v1/model')).status, 401);
  mock.state.apiKey = null;
  mock.state.loading = true;
  for (const path of ['/health', '/v1/models', '/api/v1/model'])
    assert.equal((await ask('GET', path)).status, 503);
  mock.state.loading = false;
  await complete({ ...base, prompt: '[full]' }, 429);
  await complete({ ...base, prompt: '[fail]', stream: true });
  await mock.close();
}
console.log(`openapi_test: ${answers.seen.size} kinds of answers, passed`);
exit(0);
