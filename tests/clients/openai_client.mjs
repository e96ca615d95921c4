// SPDX-License-Identifier: Apache-2.0
// OpenAI's own JavaScript client.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { base, idle, key, runAll } from './common.mjs';

const options = { baseURL: base + '/v1', apiKey: key || 'none', maxRetries: 0, timeout: 300_000 };
const client = new OpenAI(options);
const { data } = await client.models.list();
const model = data[0].id;
// Without an end of its own, a text has the length that is asked for.
const ask = {
  model,
  prompt: 'Once upon a time',
  max_tokens: 12,
  seed: 5,
  temperature: 0.8,
  ignore_eos: true,
};

// A fetch whose first answers are errors, as a busy server's are; the client tries again.
function failing(count, status, headers) {
  const asked = { count: 0 };
  asked.fetch = (url, init) => {
    if (++asked.count > count) return fetch(url, init);
    const body = JSON.stringify({
      error: { message: 'busy', type: 'rate_limit_error', param: null, code: 'queue_full' },
    });
    return Promise.resolve(
      new Response(body, { status, headers: { 'Content-Type': 'application/json', ...headers } }),
    );
  };
  return asked;
}

await runAll('openai', {
  async 'lists and retrieves the model'() {
    assert.equal(data.length, 1);
    assert.equal(data[0].object, 'model');
    assert.equal((await client.models.retrieve(model)).id, model);
    await assert.rejects(client.models.retrieve('another'), OpenAI.NotFoundError);
  },

  async completes() {
    const answer = await client.completions.create(ask);
    assert.equal(answer.object, 'text_completion');
    assert.match(answer.id, /^cmpl-/);
    assert.equal(answer.model, model);
    const [choice] = answer.choices;
    assert.ok(choice.text.length > 0);
    assert.equal(choice.finish_reason, 'length');
    assert.equal(answer.usage.completion_tokens, 12);
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + 12);
    assert.equal((await client.completions.create(ask)).choices[0].text, choice.text);
    const { response } = await client.completions.create(ask).withResponse();
    assert.equal(response.headers.get('content-type').split(';')[0], 'application/json');
  },

  async 'streams the same text'() {
    const whole = await client.completions.create(ask);
    const stream = await client.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage = null;
    const reasons = [];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? '';
      if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason);
      if (chunk.usage) usage = chunk.usage;
    }
    assert.equal(text, whole.choices[0].text);
    assert.deepEqual(reasons, ['length']);
    assert.deepEqual(
      [usage.prompt_tokens, usage.completion_tokens],
      [whole.usage.prompt_tokens, whole.usage.completion_tokens],
    );
  },

  async 'takes lists of prompts, n and ids'() {
    const prompts = ['A wolf', 'A king', 'A river'];
    const answer = await client.completions.create({
      ...ask,
      prompt: prompts,
      n: 2,
      temperature: 1,
    });
    assert.deepEqual(
      answer.choices.map((c) => c.index),
      [0, 1, 2, 3, 4, 5],
    );
    // Each prompt of a list is answered as if it were alone.
    const alone = await client.completions.create({
      ...ask,
      prompt: prompts[1],
      n: 2,
      temperature: 1,
    });
    assert.deepEqual(
      alone.choices.map((c) => c.text),
      answer.choices.slice(2, 4).map((c) => c.text),
    );
    const texts = Array(6).fill('');
    for await (const chunk of await client.completions.create({
      ...ask,
      prompt: prompts,
      n: 2,
      temperature: 1,
      stream: true,
    })) {
      assert.equal(chunk.choices.length, 1);
      texts[chunk.choices[0].index] += chunk.choices[0].text;
    }
    assert.deepEqual(
      texts,
      answer.choices.map((c) => c.text),
    );
    assert.equal(
      (await client.completions.create({ ...ask, prompt: [11, 12, 13] })).choices.length,
      1,
    );
    assert.equal(
      (await client.completions.create({ ...ask, prompt: [[11, 12], [13]] })).choices.length,
      2,
    );
  },

  async 'gets logprobs, with echo'() {
    const {
      choices: [choice],
    } = await client.completions.create({ ...ask, logprobs: 3, echo: true });
    const { tokens, token_logprobs, top_logprobs, text_offset } = choice.logprobs;
    assert.ok(choice.text.startsWith(ask.prompt));
    for (const list of [token_logprobs, top_logprobs, text_offset])
      assert.equal(list.length, tokens.length);
    assert.equal(token_logprobs[0], null);
    assert.equal(top_logprobs[0], null);
    tokens.forEach((name, i) => i > 0 && assert.equal(top_logprobs[i][name], token_logprobs[i]));
    assert.equal(text_offset[0], 0);
    tokens.forEach((name, i) => assert.ok(i === 0 || text_offset[i] >= text_offset[i - 1]));
    // Without echo an offset still counts from the start of the prompt.
    const plain = await client.completions.create({ ...ask, logprobs: 3 });
    assert.equal(plain.choices[0].logprobs.text_offset[0], [...ask.prompt].length);
    let count = 0;
    for await (const chunk of await client.completions.create({
      ...ask,
      logprobs: 3,
      stream: true,
    })) {
      count += chunk.choices[0].logprobs?.tokens.length ?? 0;
    }
    assert.equal(count, 12);
  },

  async 'stops before a stop string'() {
    const {
      choices: [free],
    } = await client.completions.create({ ...ask, max_tokens: 40 });
    const stop = free.text.slice(8, 12);
    const {
      choices: [cut],
    } = await client.completions.create({ ...ask, max_tokens: 40, stop: [stop] });
    assert.equal(cut.text, free.text.slice(0, free.text.indexOf(stop)));
    assert.equal(cut.finish_reason, 'stop');
    let text = '';
    for await (const chunk of await client.completions.create({
      ...ask,
      max_tokens: 40,
      stop,
      stream: true,
    }))
      text += chunk.choices[0].text;
    assert.equal(text, cut.text);
  },

  async 'knows each error by its class'() {
    const fails = (body, type, field) =>
      assert.rejects(client.completions.create({ ...ask, ...body }), (error) => {
        assert.ok(error instanceof type, String(error));
        assert.equal(error.type, 'invalid_request_error');
        assert.ok(error.message.length > 10);
        if (field) assert.equal(error.param, field);
        return true;
      });
    await fails({ temperature: 'hot' }, OpenAI.BadRequestError, 'temperature');
    await fails({ prompt: [] }, OpenAI.BadRequestError, 'prompt');
    await fails({ suffix: 'end' }, OpenAI.BadRequestError, 'suffix');
    // Also where a stream is asked for, an error has its status.
    await fails({ top_p: 4, stream: true }, OpenAI.BadRequestError, 'top_p');
    await assert.rejects(
      client.completions.create({ ...ask, max_tokens: 1_000_000 }),
      (error) => error.code === 'context_length_exceeded' && error.status === 400,
    );
    await assert.rejects(
      client.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hello' }] }),
      (error) => {
        assert.ok(error instanceof OpenAI.NotFoundError);
        assert.match(error.message, /\/v1\/completions/);
        return true;
      },
    );
    if (key)
      await assert.rejects(
        new OpenAI({ ...options, apiKey: 'wrong' }).models.list(),
        OpenAI.AuthenticationError,
      );
  },

  async 'does not try again where that cannot help'() {
    let asked = 0;
    const counting = new OpenAI({
      ...options,
      maxRetries: 2,
      fetch: (url, init) => (++asked, fetch(url, init)),
    });
    await assert.rejects(counting.completions.create({ ...ask, top_p: 4 }), OpenAI.BadRequestError);
    assert.equal(asked, 1);
  },

  async 'tries again after 429 and 503'() {
    for (const status of [429, 503]) {
      const asked = failing(2, status, { 'Retry-After': '0' });
      const retrying = new OpenAI({ ...options, maxRetries: 2, fetch: asked.fetch });
      assert.ok((await retrying.completions.create(ask)).choices[0].text.length > 0);
      assert.equal(asked.count, 3);
    }
  },

  async 'aborts, and the server ends the request'() {
    const stream = await client.completions.create({
      ...ask,
      prompt: '[slow] A king',
      max_tokens: 400,
      stream: true,
    });
    let chunks = 0;
    for await (const chunk of stream) {
      assert.equal(chunk.choices.length, 1);
      if (++chunks === 3) stream.controller.abort();
    }
    assert.ok(chunks >= 3);
    await idle();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 300);
    const whole = client.completions.create(
      { ...ask, prompt: '[slow] A king', max_tokens: 400 },
      { signal: controller.signal },
    );
    await whole.catch((error) =>
      assert.ok(error instanceof OpenAI.APIUserAbortError, String(error)),
    );
    await idle();
  },

  async 'times out by itself'() {
    const hasty = new OpenAI({ ...options, timeout: 1 });
    await assert.rejects(
      hasty.completions.create({ ...ask, max_tokens: 400 }),
      OpenAI.APIConnectionTimeoutError,
    );
    await idle();
  },
});
