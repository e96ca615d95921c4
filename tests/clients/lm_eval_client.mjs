// SPDX-License-Identifier: Apache-2.0
// The requests of lm-evaluation-harness's local-completions, and what it reads of the answers:
// EleutherAI/lm-evaluation-harness lm_eval/models/openai_completions.py and api_models.py. It
// scores a small task, a context with several endings each.
import assert from 'node:assert/strict';
import { get, idle, key, post, runAll, send } from './common.mjs';

// It sends the header also where it has no key.
const headers = { Authorization: 'Bearer ' + key };
const { data } = await get('/v1/models');
const model = data[0].id;
const maxLength = data[0].max_model_len;

const ids = async (text) =>
  (await post('/tokenize', { prompt: text, add_special_tokens: false }, 200, headers)).json.tokens;
const scoring = (prompt) => ({
  model,
  prompt,
  temperature: 0,
  max_tokens: 1,
  logprobs: 1,
  seed: 1234,
  echo: true,
});

// As parse_logprobs() does: the sum of the continuation's logprobs, and whether greedy decoding
// would have written it.
function parse(outputs, lengths) {
  const choices = outputs.choices.sort((a, b) => a.index - b.index);
  return choices.map((choice, i) => {
    const logprobs = choice.logprobs.token_logprobs.slice(lengths[i], -1);
    const tops = choice.logprobs.top_logprobs.slice(lengths[i], -1);
    assert.ok(
      logprobs.every((l) => typeof l === 'number'),
      'a logprob that is null',
    );
    const greedy = tops.every((top, k) => Math.max(...Object.values(top)) === logprobs[k]);
    return [logprobs.reduce((sum, l) => sum + l, 0), greedy, logprobs.length];
  });
}

const contexts = ['Once upon a time there was a king who had three', 'The wolf went into the'];
const endings = [' daughters', ' castle', ' forest and said nothing', ' old apple'];
const pairs = [];
for (const context of contexts) {
  for (const ending of endings)
    pairs.push({ context: await ids(context), ending: await ids(ending) });
}
const whole = pairs.map((p) => [...p.context, ...p.ending]);
const lengths = pairs.map((p) => p.context.length);

let scores = [];
await runAll('lm-eval', {
  async 'finds the tokenizer'() {
    const info = await get('/tokenizer_info');
    for (const name of ['eos_token', 'bos_token', 'pad_token']) assert.ok(name in info, name);
    assert.equal(
      (await post('/detokenize', { tokens: await ids('A wolf') }, 200, headers)).json.prompt,
      'A wolf',
    );
  },

  async 'scores a list of lists of ids'() {
    const { json } = await post('/v1/completions', scoring(whole), 200, headers);
    assert.equal(json.choices.length, whole.length);
    json.choices.forEach((choice, i) => {
      const { tokens, token_logprobs, top_logprobs } = choice.logprobs;
      // The prompt's tokens and one more, also where that is the end token.
      for (const list of [tokens, token_logprobs, top_logprobs])
        assert.equal(list.length, whole[i].length + 1);
      assert.equal(token_logprobs[0], null);
      assert.ok(token_logprobs.slice(1).every((l) => typeof l === 'number' && l <= 0));
    });
    scores = parse(json, lengths);
    scores.forEach(([, , count], i) => assert.equal(count, pairs[i].ending.length));
  },

  async 'scores each alone to the same sums'() {
    for (const [i, prompt] of whole.entries()) {
      const { json } = await post('/v1/completions', scoring([prompt]), 200, headers);
      assert.deepEqual(parse(json, [lengths[i]])[0], scores[i]);
    }
  },

  async 'scores many at once to the same sums'() {
    const answers = await Promise.all(
      whole.map((prompt) => post('/v1/completions', scoring([prompt]), 200, headers)),
    );
    assert.deepEqual(
      answers.map(({ json }, i) => parse(json, [lengths[i]])[0]),
      scores,
    );
  },

  async 'prints equal floats equally'() {
    const { text, json } = await post('/v1/completions', scoring([whole[0]]), 200, headers);
    const { tokens, token_logprobs: chosen, top_logprobs: tops } = json.choices[0].logprobs;
    tokens.forEach((name, i) => {
      if (i === 0) return;
      assert.equal(tops[i][name], chosen[i]);
    });
    // As text too: a client in another language might not round as JavaScript does.
    const list = text
      .match(/"token_logprobs":\s*\[([^\]]*)\]/)[1]
      .split(',')
      .map((s) => s.trim());
    for (const number of list.filter((s) => s !== 'null')) {
      assert.ok(
        text.split(new RegExp(`(?<![\\d.e-])${number.replace(/[.+]/g, '\\$&')}(?![\\d.e])`))
          .length >= 3,
        number,
      );
    }
  },

  async 'knows what greedy decoding writes'() {
    const prompt = whole[0];
    const { json } = await post(
      '/v1/completions',
      { model, prompt: [prompt], temperature: 0, max_tokens: 4, logprobs: 1, seed: 1234 },
      200,
      headers,
    );
    const next = json.choices[0].token_ids;
    assert.equal(next.length, 4);
    const scored = await post('/v1/completions', scoring([[...prompt, ...next]]), 200, headers);
    const [[sum, greedy]] = parse(scored.json, [prompt.length]);
    assert.equal(greedy, true);
    // The logprobs of what was written are those of the same tokens as a prompt.
    const written = json.choices[0].logprobs.token_logprobs;
    assert.equal(
      sum,
      written.reduce((s, l) => s + l, 0),
    );
  },

  async 'takes a prompt of the whole context less one'() {
    const long = Array.from({ length: maxLength - 1 }, (_, i) => whole[0][i % whole[0].length]);
    const { json } = await post('/v1/completions', scoring([long]), 200, headers);
    assert.equal(json.choices[0].logprobs.token_logprobs.length, maxLength);
    const refused = await send('POST', '/v1/completions', scoring([[...long, long[0]]]), headers);
    assert.equal(refused.status, 400);
  },

  async 'scores texts, too'() {
    const texts = contexts.map((c) => c + endings[0]);
    const { json } = await post('/v1/completions', scoring(texts), 200, headers);
    assert.deepEqual(
      json.choices.map((c) => c.text.startsWith(texts[c.index])),
      [true, true],
    );
  },

  async 'generates until a text'() {
    const until = ['\n\n', 'Question:', '</s>', '<|im_end|>', '<|endoftext|>', 'Q:'];
    const body = {
      prompt: [whole[0], whole[5]],
      model,
      max_tokens: 24,
      temperature: 0,
      stop: until,
      seed: 1234,
      do_sample: false,
    };
    const { json } = await post('/v1/completions', body, 200, headers);
    assert.deepEqual(
      json.choices.map((c) => c.index),
      [0, 1],
    );
    for (const choice of json.choices)
      assert.ok(until.every((stop) => !choice.text.includes(stop)));
  },

  async 'answers 32 connections'() {
    const all = await Promise.all(
      Array.from({ length: 32 }, (_, i) =>
        post('/v1/completions', scoring([whole[i % whole.length]]), 200, headers),
      ),
    );
    all.forEach(({ json }, i) =>
      assert.deepEqual(parse(json, [lengths[i % whole.length]])[0], scores[i % whole.length]),
    );
    await idle();
  },
});
