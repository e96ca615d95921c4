// SPDX-License-Identifier: Apache-2.0
// LangChain's JavaScript client for completions.
import { OpenAI } from '@langchain/openai';
import assert from 'node:assert/strict';
import { base, idle, key, runAll } from './common.mjs';

// Its name for a model is its own default; the server answers to any.
const settings = {
  apiKey: key || 'none',
  maxTokens: 10,
  temperature: 0,
  maxRetries: 0,
  timeout: 300_000,
  modelKwargs: { ignore_eos: true },
  configuration: { baseURL: base + '/v1' },
};
const make = (more = {}) => new OpenAI({ model: 'gpt-3.5-turbo-instruct', ...settings, ...more });

await runAll('langchain', {
  async invokes() {
    const text = await make().invoke('Once upon a time');
    assert.ok(text.length > 0);
    assert.equal(await make().invoke('Once upon a time'), text);
  },

  async 'sends 20 prompts at once, and gets them in order'() {
    const prompts = Array.from({ length: 20 }, (_, i) => `Story ${i}: a king`);
    const result = await make({ batchSize: 20 }).generate(prompts);
    assert.equal(result.generations.length, 20);
    for (const i of [0, 7, 19])
      assert.equal(result.generations[i][0].text, await make().invoke(prompts[i]));
    assert.equal(result.llmOutput.tokenUsage.completionTokens, 200);
  },

  async 'makes several texts of a prompt'() {
    const result = await make({ n: 3, temperature: 1 }).generate(['A wolf']);
    assert.equal(result.generations[0].length, 3);
  },

  async 'streams the same text'() {
    let text = '';
    for await (const piece of await make({ streaming: true }).stream('Once upon a time'))
      text += piece;
    assert.equal(text, await make().invoke('Once upon a time'));
  },

  async stops() {
    const text = await make({ maxTokens: 40 }).invoke('A river');
    const stop = text.slice(10, 13);
    assert.equal(
      await make({ maxTokens: 40 }).invoke('A river', { stop: [stop] }),
      text.slice(0, text.indexOf(stop)),
    );
  },

  async 'sends what it sends by default'() {
    // Fields without a meaning here, and nulls, are no errors.
    const text = await make({
      logitBias: {},
      bestOf: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      topP: 1,
      user: 'me',
      modelKwargs: { ignore_eos: true, suffix: null, echo: null },
    }).invoke('A king');
    assert.equal(text, await make().invoke('A king'));
  },

  async 'hears of errors'() {
    await assert.rejects(make({ modelKwargs: { top_p: 4 } }).invoke('A king'), /top_p/);
  },

  async aborts() {
    // A small model may have answered by then.
    const answer = make({ maxTokens: 400 }).invoke('[slow] A king', {
      signal: AbortSignal.timeout(400),
    });
    const [end] = await Promise.allSettled([answer]);
    if (end.status === 'rejected') assert.match(String(end.reason), /abort|timeout/i);
    await idle();
  },
});
