// SPDX-License-Identifier: Apache-2.0
// The requests of SillyTavern (KoboldAI Classic, and text completion) and of KoboldAI Lite, as
// their sources have them: SillyTavern src/endpoints/backends/{kobold,text-completions}.js,
// public/scripts/ {kai-settings,textgen-settings}.js; LostRuins/lite.koboldai.net
// koboldcpp_api.json.
import assert from 'node:assert/strict';
import { base, events, get, idle, key, post, runAll, send } from './common.mjs';

const authorization = key ? { Authorization: `Bearer ${key}` } : {};
const json = { 'Content-Type': 'application/json', ...authorization };
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// SillyTavern, KoboldAI Classic: every sampler at its neutral value.
const classic = {
  prompt: 'Once upon a time',
  gui_settings: false,
  max_context_length: 2048,
  max_length: 16,
  rep_pen: 1.1,
  rep_pen_range: 256,
  rep_pen_slope: 0,
  temperature: 0.8,
  tfs: 1,
  top_a: 0,
  top_k: 0,
  top_p: 0.95,
  min_p: 0,
  typical: 1,
  sampler_seed: 7,
  sampler_order: [6, 0, 1, 3, 4, 2, 5],
  singleline: false,
  use_default_badwordsids: false,
  stop_sequence: ['\nYou:', '\nWolf:', ''],
  mirostat: 0,
  mirostat_tau: 5,
  mirostat_eta: 0.1,
  grammar: '',
  streaming: false,
  can_abort: true,
};
// KoboldAI Lite.
const lite = {
  n: 1,
  max_context_length: 2048,
  max_length: 16,
  rep_pen: 1.07,
  temperature: 0.75,
  top_p: 0.92,
  top_k: 100,
  top_a: 0,
  typical: 1,
  tfs: 1,
  rep_pen_range: 360,
  rep_pen_slope: 0.7,
  sampler_order: [6, 0, 1, 3, 4, 2, 5],
  memory: 'A tale of a wolf.\n',
  trim_stop: true,
  genkey: 'KCPP1234',
  min_p: 0,
  dynatemp_range: 0,
  dynatemp_exponent: 1,
  smoothing_factor: 0,
  nsigma: 0,
  banned_tokens: [],
  render_special: false,
  logprobs: false,
  replace_instruct_placeholders: true,
  presence_penalty: 0,
  logit_bias: {},
  stop_sequence: [],
  use_default_badwordsids: false,
  bypass_eos: false,
  dry_multiplier: 0,
  xtc_probability: 0,
  prompt: 'The wolf',
  quiet: true,
  sampler_seed: 3,
  images: [],
};
// SillyTavern, text completion: the fields that it sends to a server of an unknown type.
const textgen = {
  prompt: 'The old king',
  model: '',
  max_new_tokens: 12,
  max_tokens: 12,
  temperature: 0.9,
  top_p: 1,
  typical_p: 1,
  typical: 1,
  sampler_seed: -1,
  min_p: 0.05,
  repetition_penalty: 1.05,
  frequency_penalty: 0,
  presence_penalty: 0,
  top_k: 0,
  skew: 0,
  min_length: 0,
  min_tokens: 0,
  num_beams: 1,
  length_penalty: 1,
  early_stopping: false,
  add_bos_token: true,
  smoothing_factor: 0,
  smoothing_curve: 1,
  dry_allowed_length: 2,
  dry_multiplier: 0,
  dry_base: 1.75,
  dry_sequence_breakers: '["\\n", ":"]',
  dry_penalty_last_n: 0,
  max_tokens_second: 0,
  stopping_strings: ['\nYou:'],
  stop: ['\nYou:', '\nKing:', '\nQueen:', '\nWolf:', '\nA:', '\nB:'],
  truncation_length: 2048,
  ban_eos_token: false,
  skip_special_tokens: true,
  include_reasoning: false,
  top_a: 0,
  tfs: 1,
  mirostat_mode: 0,
  mirostat_tau: 5,
  mirostat_eta: 0.1,
  custom_token_bans: '',
  banned_strings: [],
  api_type: 'generic',
  api_server: base,
  xtc_threshold: 0.1,
  xtc_probability: 0,
  nsigma: 0,
  rep_pen: 1.05,
  rep_pen_range: 0,
  repetition_penalty_range: 0,
  seed: -1,
  guidance_scale: 1,
  negative_prompt: '',
  grammar_string: '',
  json_schema: null,
  logit_bias: [],
  n: 1,
  stream: false,
  temperature_last: true,
  sampler_priority: ['temperature', 'top_k'],
  samplers: ['top_k', 'temperature'],
  ignore_eos: false,
  spaces_between_special_tokens: true,
};

async function* stream(path, body, signal) {
  const response = await fetch(base + path, {
    method: 'POST',
    headers: json,
    body: JSON.stringify(body),
    signal,
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type').split(';')[0], 'text/event-stream');
  yield* events(response);
}

await runAll('kobold', {
  async connects() {
    assert.equal((await get('/api/v1/info/version')).result, '1.2.5');
    const { result } = await get('/api/v1/model');
    assert.match(result, /^gptj\/./);
    assert.notEqual(result, 'ReadOnly');
    const { result: name, version } = await get('/api/extra/version');
    assert.equal(name, 'KoboldCpp');
    const [major, minor] = version.split('.').map(Number);
    assert.ok(major > 1 || minor > 30, 'SillyTavern streams from 1.30 on');
    for (const path of [
      '/api/v1/config/max_context_length',
      '/api/extra/true_max_context_length',
      '/api/latest/config/max_length',
    ]) {
      assert.ok((await get(path)).value > 0);
    }
    assert.ok('idle' in (await get('/api/extra/perf')));
  },

  async 'generates for SillyTavern'() {
    const { json: answer } = await post('/api/v1/generate', classic);
    assert.equal(answer.results.length, 1);
    const { text, finish_reason, completion_tokens } = answer.results[0];
    assert.ok(text.length > 0 && !text.startsWith(classic.prompt));
    assert.ok(['stop', 'length'].includes(finish_reason) && completion_tokens <= 16);
    assert.equal((await post('/api/latest/generate', classic)).json.results[0].text, text);
  },

  async 'streams the same text to SillyTavern'() {
    let text = '';
    const reasons = [];
    for await (const { event, data } of stream('/api/extra/generate/stream', {
      ...classic,
      streaming: true,
    })) {
      assert.equal(event, 'message');
      const { token, finish_reason } = JSON.parse(data);
      text += token;
      reasons.push(finish_reason);
    }
    assert.ok(['stop', 'length'].includes(reasons.pop()) && reasons.every((r) => r === null));
    assert.equal(text, (await post('/api/v1/generate', classic)).json.results[0].text);
  },

  async 'generates for KoboldAI Lite, with memory'() {
    const {
      results: [result],
    } = (await post('/api/v1/generate', lite)).json;
    assert.ok(result.text.length > 0);
    const count = async (prompt) => (await post('/api/extra/tokencount', { prompt })).json;
    const { value, ids } = await count(lite.memory + lite.prompt);
    assert.equal(ids.length, value);
    assert.ok(
      Math.abs(result.prompt_tokens - value) <= 1,
      `${result.prompt_tokens} prompt tokens, ${value} counted`,
    );
  },

  async 'cuts a prompt that is too long from the left'() {
    const {
      results: [result],
    } = (
      await post('/api/v1/generate', { ...lite, prompt: 'the king and the queen '.repeat(2000) })
    ).json;
    assert.ok(result.prompt_tokens <= 2048 - 16 && result.text.length > 0);
  },

  async 'tells the text so far, and aborts by the key'() {
    const long = {
      ...lite,
      prompt: '[slow] The wolf',
      max_length: 400,
      genkey: 'KCPP77',
      use_default_badwordsids: true,
    };
    let text = '';
    let reason = null;
    let checked = null;
    for await (const { data } of stream('/api/extra/generate/stream', long)) {
      const { token, finish_reason } = JSON.parse(data);
      text += token;
      reason = finish_reason ?? reason;
      if (checked !== null || text === '') continue;
      checked = (await post('/api/extra/generate/check', { genkey: 'KCPP77' })).json.results[0]
        .text;
      assert.equal((await post('/api/extra/abort', { genkey: 'another' })).json.success, 'false');
      assert.equal((await post('/api/extra/abort', { genkey: 'KCPP77' })).json.success, 'true');
    }
    assert.ok(reason === 'stop' || reason === 'length');
    assert.ok(text.startsWith(checked) || checked.startsWith(text));
    await idle();
  },

  async 'aborts without a body where one request runs'() {
    const pending = send('POST', '/api/v1/generate', {
      ...classic,
      prompt: '[slow] The king',
      max_length: 400,
      use_default_badwordsids: true,
    });
    await pause(400);
    const { status } = await send('POST', '/api/extra/abort');
    assert.equal(status, 200);
    assert.equal((await pending).status, 200);
    await idle();
  },

  async 'refuses a grammar, with a message where SillyTavern looks for it'() {
    const { json: answer } = await post(
      '/api/v1/generate',
      { ...classic, grammar: 'root ::= "yes"' },
      400,
    );
    assert.match(answer.detail.msg, /grammar/);
  },

  async "answers SillyTavern's text completion"() {
    const { json: models } = await send('GET', '/v1/models');
    assert.ok(models.data[0].id.length > 0);
    const { json: answer } = await post('/v1/completions', textgen);
    assert.ok(typeof answer.choices[0].text === 'string' && answer.choices[0].index === 0);
  },

  async 'streams swipes with probabilities to SillyTavern'() {
    const texts = ['', '', ''];
    const body = { ...textgen, n: 3, stream: true, logprobs: 10, seed: 5, sampler_seed: 5 };
    let done = false;
    for await (const { data } of stream('/v1/completions', body)) {
      if (data === '[DONE]') {
        done = true;
        continue;
      }
      const { choices } = JSON.parse(data);
      assert.equal(choices.length, 1);
      const [{ text, index, logprobs }] = choices;
      texts[index] += text;
      if (logprobs) {
        assert.equal(logprobs.top_logprobs.length, 1);
        assert.ok(Object.keys(logprobs.top_logprobs[0]).length >= 10);
      }
    }
    assert.ok(done && texts.every((t) => t.length > 0));
    const whole = await post('/v1/completions', { ...body, stream: false });
    assert.deepEqual(
      whole.json.choices.map((c) => c.text),
      texts,
    );
  },

  async "ends when SillyTavern's user presses stop"() {
    const controller = new AbortController();
    let count = 0;
    const body = {
      ...textgen,
      prompt: '[slow] The king',
      max_tokens: 400,
      max_new_tokens: 400,
      stream: true,
      stop: [],
    };
    await assert.rejects(
      async () => {
        for await (const event of stream('/v1/completions', body, controller.signal)) {
          assert.ok(event.data.length > 0);
          if (++count === 3) controller.abort();
        }
      },
      { name: 'AbortError' },
    );
    await idle();
  },
});
