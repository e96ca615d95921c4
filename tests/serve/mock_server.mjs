// SPDX-License-Identifier: Apache-2.0
// A server that answers as `gptj serve` does, with a toy in place of a model, so that the page and
// the clients can be tested without one:
//
//   node mock_server.mjs [--port 8081] [--root DIR]    DIR is the source tree (default: two folders up)
//
// A prompt may hold a word in brackets that asks for a fault: [slow] waits before each token,
// [emoji] splits characters between tokens and between packets, [html] writes markup, [fail] sends
// an error event, [cut] closes the connection, [full] is answered with 429, [ping] sends comments.
import { createHash, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const kContext = 2048;
const kEnd = 50256;
const kModel = 'fairytale-toy';
const kMostTexts = 128;

// The toy's words. Ids 0 to 255 are bytes.
const words = (
  ' the| king| queen| and| said| to| her| his| daughter| wolf| forest| who| was| old| went| into| a|' +
  ' castle| gold| apple| dark| river| little| once| upon| time|.|,|\n| came| that| night| he| she|' +
  ' nothing| but| three| brothers| asked| him|!| for| bread| Then'
).split('|');
const idOfWord = new Map(words.map((word, i) => [word, 256 + i]));

function encode(text) {
  const ids = [];
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    let best = 1;
    let id = bytes[at];
    for (let length = Math.min(12, bytes.length - at); length > 1; --length) {
      const found = idOfWord.get(bytes.toString('utf8', at, at + length));
      if (found === undefined) continue;
      best = length;
      id = found;
      break;
    }
    ids.push(id);
    at += best;
  }
  return ids;
}

const bytesOf = (id) =>
  id < 256
    ? Buffer.from([id])
    : Buffer.from(id === kEnd ? '<|endoftext|>' : (words[id - 256] ?? ''));
const decode = (ids) => Buffer.concat(ids.map(bytesOf)).toString('utf8');

// The token's name in "tokens" and "top_logprobs".
function nameOf(id) {
  const bytes = bytesOf(id);
  const text = bytes.toString('utf8');
  if (bytes.length === 0) return `token_id:${id}`;
  if (Buffer.from(text).equals(bytes)) return text;
  return 'bytes:' + [...bytes].map((b) => '\\x' + b.toString(16).padStart(2, '0')).join('');
}

function randomOf(seed) {
  let state = Number(BigInt(seed) & 0xffffffffn);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Returns the tokens that may follow `ids`, best first, with their logprobs.
function candidates(ids) {
  const hash = createHash('sha256').update(ids.slice(-4).join()).digest();
  const weighted = words.map((_, i) => {
    const weight = (hash[i % 32] + 1) / 256;
    return { id: 256 + i, weight: weight ** 6 };
  });
  weighted.push({ id: kEnd, weight: 1e-6 });
  const sum = weighted.reduce((s, w) => s + w.weight, 0);
  return weighted
    .map(({ id, weight }) => ({ id, logprob: Math.fround(Math.log(weight / sum)) }))
    .sort((a, b) => b.logprob - a.logprob || a.id - b.id);
}

function logprobEntry(ids, at, n) {
  if (at === 0) return { name: nameOf(ids[0]), logprob: null, top: null };
  const all = candidates(ids.slice(0, at));
  const name = nameOf(ids[at]);
  const own = all.find((c) => c.id === ids[at])?.logprob ?? -18.5;
  const top = Object.fromEntries(all.slice(0, n).map((c) => [nameOf(c.id), c.logprob]));
  if (!(name in top)) top[name] = own;
  return { name, logprob: own, top };
}

class ApiError extends Error {
  constructor(
    status,
    message,
    { type = 'invalid_request_error', param = null, code = null, headers = {} } = {},
  ) {
    super(message);
    Object.assign(this, { status, type, param, code, headers });
  }
  get body() {
    return {
      error: { message: this.message, type: this.type, param: this.param, code: this.code },
    };
  }
}
const wrong = (param, expected, found) =>
  new ApiError(400, `${param}: expected ${expected}, found ${JSON.stringify(found)}`, { param });

// Returns the prompts as lists of ids.
function promptsOf(prompt) {
  const isIds = (list) => Array.isArray(list) && list.length > 0 && list.every(Number.isInteger);
  if (prompt === undefined || prompt === null) return [[kEnd]];
  if (typeof prompt === 'string') return [encode(prompt)];
  if (isIds(prompt)) return [prompt];
  if (!Array.isArray(prompt) || prompt.length === 0)
    throw wrong('prompt', 'text, token ids, or a list of either', prompt);
  return prompt.map((item) => {
    if (typeof item === 'string') return encode(item);
    if (isIds(item)) return item;
    throw wrong('prompt', 'text, token ids, or a list of either', item);
  });
}

function parse(body) {
  const number = (name, low, high, otherwise) => {
    const value = body[name];
    if (value === undefined || value === null) return otherwise;
    if (typeof value !== 'number' || value < low || value > high)
      throw wrong(name, `${low} to ${high}`, value);
    return value;
  };
  if (body.grammar || (body.response_format && body.response_format.type !== 'text')) {
    throw new ApiError(400, 'grammar: constrained output is not supported', { param: 'grammar' });
  }
  if (body.suffix)
    throw new ApiError(400, 'suffix: GPT-J does not insert text; expected none', {
      param: 'suffix',
    });
  if (body.stream_options && !body.stream)
    throw new ApiError(400, 'stream_options: expected only with stream true', {
      param: 'stream_options',
    });
  const call = {
    prompts: promptsOf(body.prompt),
    maxTokens: number('max_tokens', 0, 1e6, 16),
    temperature: number('temperature', 0, 100, 1),
    topP: number('top_p', 0, 1, 1),
    logprobs: number('logprobs', 0, 20, null),
    n: number('n', 1, kMostTexts, 1),
    echo: body.echo === true,
    stream: body.stream === true,
    includeUsage: body.stream_options?.include_usage === true,
    stop: [body.stop ?? []].flat().filter((s) => s),
    seed: body.seed == null || body.seed < 0 ? randomInt(2 ** 32) : body.seed,
    overflow: body.overflow ?? 'error',
  };
  if (body.best_of > call.n && call.stream)
    throw wrong('best_of', 'no more than n with stream', body.best_of);
  if (call.prompts.length * call.n > kMostTexts)
    throw wrong('n', `at most ${kMostTexts} texts`, call.n);
  for (const ids of call.prompts) {
    const unknown = ids.find((id) => id < 0 || id > kEnd);
    if (unknown !== undefined) throw wrong('prompt', `ids from 0 to ${kEnd}`, unknown);
    if (call.overflow === 'error' && ids.length + call.maxTokens > kContext) {
      throw new ApiError(
        400,
        `prompt: ${ids.length} tokens and ${call.maxTokens} new ones do not fit the context of ${kContext}`,
        {
          param: 'prompt',
          code: 'context_length_exceeded',
        },
      );
    }
  }
  return call;
}

// Yields the steps of one text: {id, text, entry, finish}. `text` is what the token makes readable.
function* generate(promptIds, call, sample) {
  const ids = [...promptIds];
  const random = randomOf(call.seed + sample * 7919);
  const prompt = decode(promptIds);
  const fixed = prompt.includes('[emoji]')
    ? [...Buffer.from(' \u{1F409}\u2019 of \u6c34')]
    : prompt.includes('[html]')
      ? [
          ...Buffer.from(
            '<img src=x onerror="document.title=1"><script>document.title=2</script><b>',
          ),
        ]
      : null;
  let bytes = Buffer.alloc(0);
  let sent = 0;
  for (let made = 0; made < call.maxTokens; ++made) {
    const all = candidates(ids);
    let id = all[0].id;
    if (fixed) {
      if (made === fixed.length) return;
      id = fixed[made];
    } else if (call.temperature > 0) {
      let left = random() * call.topP;
      id = (all.find((c) => (left -= Math.exp(c.logprob)) <= 0) ?? all[0]).id;
    }
    ids.push(id);
    const entry = logprobEntry(ids, ids.length - 1, call.logprobs ?? 0);
    if (id === kEnd) return yield { id, text: '', entry, finish: 'stop' };
    bytes = Buffer.concat([bytes, bytesOf(id)]);
    // Holds back bytes that are no whole character yet, and text that may become a stop string.
    let text = bytes.toString('utf8').replace(/\uFFFD$/, '');
    const stop = call.stop.map((s) => text.indexOf(s)).filter((at) => at >= 0);
    if (stop.length > 0) {
      return yield {
        id,
        text: text.slice(sent, Math.max(sent, Math.min(...stop))),
        entry,
        finish: 'stop',
      };
    }
    const finish =
      made + 1 === call.maxTokens || (fixed && made + 1 === fixed.length) ? 'length' : null;
    let end = text.length;
    for (const s of finish ? [] : call.stop) {
      for (let k = 1; k < s.length; ++k) {
        if (text.endsWith(s.slice(0, k))) end = Math.min(end, text.length - k);
      }
    }
    end = Math.max(end, sent);
    yield { id, text: text.slice(sent, end), entry, finish };
    sent = end;
  }
}

const characters = (text) => [...text].length;

function logprobsOf(entries, offsets) {
  return {
    tokens: entries.map((e) => e.name),
    token_logprobs: entries.map((e) => e.logprob),
    top_logprobs: entries.map((e) => e.top),
    text_offset: offsets,
  };
}

// Returns one whole choice.
function choiceOf(promptIds, call, sample, index) {
  const steps = call.maxTokens > 0 ? [...generate(promptIds, call, sample)] : [];
  const ids = [...(call.echo ? promptIds : []), ...steps.map((s) => s.id)];
  const all = [...promptIds, ...steps.map((s) => s.id)];
  const first = all.length - ids.length;
  const entries = ids.map((_, i) => logprobEntry(all, first + i, call.logprobs ?? 0));
  return {
    text: (call.echo ? decode(promptIds) : '') + steps.map((s) => s.text).join(''),
    index,
    finish_reason: steps.at(-1)?.finish ?? 'length',
    token_ids: ids,
    logprobs:
      call.logprobs === null
        ? null
        : logprobsOf(
            entries,
            ids.map((_, i) => characters(decode(all.slice(0, first + i)))),
          ),
    score: null,
    seed: call.seed,
  };
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Starts a mock and returns {url, port, close(), log, state}. `log` has the requests of
// /v1/completions, `state` counts running and abandoned ones. Options: port, root, apiKey, loading.
export async function startMock({ port = 0, root, apiKey = null, loading = false } = {}) {
  const source = root ?? join(dirname(fileURLToPath(import.meta.url)), '../..');
  const started = Math.floor(Date.now() / 1000);
  const state = { running: 0, waiting: 0, abandoned: 0, loading, apiKey };
  const log = [];
  const kobold = new Map();

  const modelJson = () => ({
    id: kModel,
    object: 'model',
    created: started,
    owned_by: 'gptj',
    max_model_len: kContext,
    meta: {
      n_ctx_train: kContext,
      n_vocab: 50257,
      n_embd: 64,
      n_layer: 4,
      weights: 'f32',
      weight_bytes: 1048576,
    },
  });

  function send(response, status, body, headers = {}) {
    if (response.headersSent) return;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    });
    response.end(response.req.method === 'HEAD' ? '' : text);
  }

  async function complete(body, request, response) {
    log.push({ body, headers: request.headers });
    const call = parse(body);
    const texts = call.prompts.map(decode);
    const asks = (word) => texts.some((text) => text.includes(`[${word}]`));
    if (asks('full')) {
      throw new ApiError(429, 'the queue is full: 64 prompts wait; try again in 7 s', {
        type: 'rate_limit_error',
        code: 'queue_full',
        headers: { 'Retry-After': '7' },
      });
    }
    const head = () => ({
      id: 'cmpl-' + createHash('md5').update(String(log.length)).digest('hex'),
      object: 'text_completion',
      created: started,
    });
    const tail = { model: kModel, system_fingerprint: 'gptj-toy-0000000000000000' };
    const promptTokens = call.prompts.reduce((sum, ids) => sum + ids.length, 0);
    const usageOf = (completion) => ({
      prompt_tokens: promptTokens,
      completion_tokens: completion,
      total_tokens: promptTokens + completion,
      prompt_tokens_details: { cached_tokens: 0 },
    });
    if (!call.stream) {
      const choices = call.prompts.flatMap((ids, p) =>
        Array.from({ length: call.n }, (_, s) => choiceOf(ids, call, s, p * call.n + s)),
      );
      const made = choices.reduce(
        (sum, c, i) =>
          sum + c.token_ids.length - (call.echo ? call.prompts[Math.floor(i / call.n)].length : 0),
        0,
      );
      return send(response, 200, { ...head(), choices, ...tail, usage: usageOf(made) });
    }

    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache',
      'X-Accel-Buffering': 'no',
      'X-Content-Type-Options': 'nosniff',
    });
    response.flushHeaders();
    const write = async (text) => {
      const bytes = Buffer.from(text);
      if (!asks('emoji')) return response.write(bytes);
      // Cuts the event at every third byte, also within characters.
      for (let at = 0; at < bytes.length; at += 3) response.write(bytes.subarray(at, at + 3));
      await sleep(2);
    };
    const chunk = (choices, usage) =>
      write(
        'data: ' +
          JSON.stringify({ ...head(), choices, ...tail, ...(call.includeUsage ? { usage } : {}) }) +
          '\n\n',
      );
    let left = false;
    response.on('close', () => {
      left = !response.writableFinished;
    });
    let made = 0;
    for (const [p, ids] of call.prompts.entries()) {
      for (let s = 0; s < call.n; ++s) {
        const index = p * call.n + s;
        const choice = (text, logprobs, finish, tokens) => ({
          text,
          index,
          logprobs,
          finish_reason: finish,
          token_ids: tokens,
        });
        if (call.echo) {
          const entries = ids.map((_, i) => logprobEntry(ids, i, call.logprobs ?? 0));
          const offsets = ids.map((_, i) => characters(decode(ids.slice(0, i))));
          await chunk(
            [
              choice(
                decode(ids),
                call.logprobs === null ? null : logprobsOf(entries, offsets),
                null,
                ids,
              ),
            ],
            null,
          );
        }
        let before = ids;
        for (const step of generate(ids, call, s)) {
          if (asks('slow')) await sleep(120);
          if (asks('ping')) response.write(': waiting\n\n');
          if (left) return void ++state.abandoned;
          if (made === 3 && asks('cut')) return response.destroy();
          if (made === 3 && asks('fail')) {
            const error = new ApiError(
              500,
              'logits: expected finite numbers, found one that is not',
              { type: 'server_error', code: 'internal' },
            );
            await write(`data: ${JSON.stringify(error.body)}\n\ndata: [DONE]\n\n`);
            return response.end();
          }
          ++made;
          const logprobs =
            call.logprobs === null ? null : logprobsOf([step.entry], [characters(decode(before))]);
          before = [...before, step.id];
          if (step.text === '' && logprobs === null && step.finish === null) continue;
          await chunk([choice(step.text, logprobs, step.finish, [step.id])], null);
          await sleep(0);
        }
      }
    }
    if (call.includeUsage) await chunk([], usageOf(made));
    response.end('data: [DONE]\n\n');
  }

  // The Kobold routes.
  function koboldCall(body) {
    if (body.grammar) throw new ApiError(400, 'grammar is not supported', { param: 'grammar' });
    const room = Math.min(body.max_context_length ?? kContext, kContext) - (body.max_length ?? 100);
    const memory = encode(body.memory ?? '');
    const rest = encode(body.prompt ?? '');
    const ids = [...memory, ...rest.slice(-Math.max(room - memory.length, 1))];
    return {
      ids: ids.length > 0 ? ids : [kEnd],
      call: {
        maxTokens: body.max_length ?? 100,
        temperature: body.temperature ?? 1,
        topP: body.top_p ?? 1,
        logprobs: null,
        stop: (body.stop_sequence ?? []).filter((s) => s),
        seed: body.sampler_seed > 0 ? body.sampler_seed : randomInt(2 ** 32),
      },
    };
  }

  async function koboldGenerate(body, response, stream) {
    const { ids, call } = koboldCall(body);
    const run = { text: '', aborted: false };
    kobold.set(body.genkey ?? '', run);
    let made = 0;
    let finish = 'length';
    if (stream) {
      response.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-cache',
        'X-Accel-Buffering': 'no',
      });
    }
    const event = (token, reason) =>
      response.write(
        `event: message\ndata: ${JSON.stringify({ token, finish_reason: reason })}\n\n`,
      );
    for (const step of generate(ids, call, 0)) {
      await sleep(decode(ids).includes('[slow]') ? 60 : 0);
      if (run.aborted) break;
      ++made;
      run.text += step.text;
      if (stream && step.text !== '') event(step.text, null);
      finish = step.finish ?? finish;
    }
    if (run.aborted) finish = 'stop';
    kobold.delete(body.genkey ?? '');
    if (stream) {
      event('', finish);
      return response.end();
    }
    const result = {
      text: run.text,
      finish_reason: finish,
      logprobs: null,
      prompt_tokens: ids.length,
      completion_tokens: made,
    };
    send(response, 200, { results: [result] });
  }

  const findRun = (body) =>
    kobold.get(body.genkey ?? '') ??
    (body.genkey || kobold.size !== 1 ? undefined : [...kobold.values()][0]);
  const value = (json) => (_, __, response) => send(response, 200, json());
  const context = value(() => ({ value: kContext }));
  const health = value(() => ({ status: 'ok' }));
  const healthOrLoading = (body, request, response) => {
    if (state.loading) throw isLoading();
    send(response, 200, { status: 'ok' });
  };
  const isLoading = () =>
    new ApiError(503, 'the model is being loaded', {
      type: 'server_error',
      code: 'loading',
      headers: { 'Retry-After': '2' },
    });
  const check = (body, request, response) =>
    send(response, 200, { results: [{ text: findRun(body)?.text ?? '' }] });
  const generateText = (body, request, response) => koboldGenerate(body, response, false);

  const metrics = () =>
    `# HELP gptj_num_requests_running Prompts that are being computed.\n# TYPE gptj_num_requests_running gauge\n` +
    `gptj_num_requests_running ${state.running}\n# HELP gptj_num_requests_waiting Prompts that wait.\n` +
    `# TYPE gptj_num_requests_waiting gauge\ngptj_num_requests_waiting ${state.waiting}\n`;

  const routes = {
    'GET /': (_, __, response) => {
      const page = readFileSync(join(source, 'tools/serve/page.html'), 'utf8');
      send(response, 200, page, {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Security-Policy':
          "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'Referrer-Policy': 'no-referrer',
      });
    },
    'GET /favicon.ico': (_, __, response) => response.writeHead(204).end(),
    'GET /openapi.json': (_, __, response) =>
      send(response, 200, readFileSync(join(source, 'tools/serve/openapi.json'), 'utf8')),
    'GET /health': healthOrLoading,
    'GET /readyz': healthOrLoading,
    'GET /v1/health': healthOrLoading,
    'GET /livez': health,
    'GET /metrics': (_, __, response) =>
      send(response, 200, metrics(), {
        'Content-Type': 'text/plain; version=0.0.4; charset=utf-8',
      }),
    'GET /v1/models': value(() => ({ object: 'list', data: [modelJson()] })),
    'POST /v1/completions': complete,
    'POST /tokenize': (body, request, response) => {
      const tokens = encode(body.content ?? body.prompt ?? '');
      const pieces = body.with_pieces
        ? { pieces: tokens.map((id) => ({ id, piece: bytesOf(id).toString('utf8') })) }
        : {};
      send(response, 200, { tokens, count: tokens.length, max_model_len: kContext, ...pieces });
    },
    'POST /detokenize': (body, request, response) => {
      if (!Array.isArray(body.tokens))
        throw new ApiError(400, 'tokens: expected a list of token ids', { param: 'tokens' });
      send(response, 200, { prompt: decode(body.tokens), content: decode(body.tokens) });
    },
    'GET /tokenizer_info': value(() => ({
      eos_token: '<|endoftext|>',
      bos_token: '<|endoftext|>',
      pad_token: '<|endoftext|>',
      chat_template: null,
      vocab_size: 50257,
      max_model_len: kContext,
    })),
    'GET /api/extra/version': value(() => ({ result: 'KoboldCpp', version: '1.60.0' })),
    'GET /api/extra/true_max_context_length': context,
    'GET /api/extra/perf': value(() => ({
      last_process: 0,
      last_eval: 0,
      last_token_count: 0,
      total_gens: 0,
      queue: 0,
      idle: 1,
      uptime: 1,
    })),
    'POST /api/extra/generate/stream': (body, request, response) =>
      koboldGenerate(body, response, true),
    'GET /api/extra/generate/check': check,
    'POST /api/extra/generate/check': check,
    'POST /api/extra/abort': (body, request, response) => {
      const run = findRun(body);
      if (run) run.aborted = true;
      send(response, 200, { success: run ? 'true' : 'false', done: run ? 'true' : 'false' });
    },
    'POST /api/extra/tokencount': (body, request, response) => {
      const ids = encode(body.prompt ?? '');
      send(response, 200, { value: ids.length, ids });
    },
  };
  for (const prefix of ['/api/v1/', '/api/latest/']) {
    routes[`GET ${prefix}info/version`] = value(() => ({ result: '1.2.5' }));
    routes[`GET ${prefix}model`] = value(() => ({ result: 'gptj/' + kModel }));
    routes[`GET ${prefix}config/max_context_length`] = context;
    routes[`GET ${prefix}config/max_length`] = context;
    routes[`POST ${prefix}generate`] = generateText;
  }
  const open = new Set(['/', '/favicon.ico', '/health', '/readyz', '/v1/health', '/livez']);

  function fail(path, response, error) {
    if (!(error instanceof ApiError))
      error = new ApiError(500, 'unexpected: ' + error.message, {
        type: 'server_error',
        code: 'internal',
      });
    const isKobold = path.startsWith('/api/');
    const busy = error.status === 429 || error.status === 503;
    const detail = isKobold
      ? { detail: { msg: error.message, type: busy ? 'service_unavailable' : error.type } }
      : {};
    send(
      response,
      isKobold && error.status === 429 ? 503 : error.status,
      { ...error.body, ...detail },
      error.headers,
    );
  }

  async function answer(request, response) {
    const path = new URL(request.url, 'http://mock').pathname;
    try {
      const key = (request.headers.authorization ?? '').replace(/^Bearer /i, '').trim();
      if (state.apiKey && !open.has(path) && key !== state.apiKey) {
        throw new ApiError(
          401,
          'a key is needed: expected the header "Authorization: Bearer KEY" with a key of the server\'s file',
          {
            code: 'invalid_api_key',
            headers: { 'WWW-Authenticate': 'Bearer' },
          },
        );
      }
      const method = request.method === 'HEAD' ? 'GET' : request.method;
      const route = routes[`${method} ${path}`];
      if (!route && method === 'GET' && path.startsWith('/v1/models/')) {
        if (path === `/v1/models/${kModel}`) return send(response, 200, modelJson());
        throw new ApiError(404, `model: expected "${kModel}", found "${path.slice(11)}"`, {
          param: 'model',
          code: 'model_not_found',
        });
      }
      if (!route) {
        const methods = ['GET', 'POST'].filter((m) => routes[`${m} ${path}`]);
        if (methods.length > 0) {
          throw new ApiError(405, `${path}: expected ${methods}, found ${method}`, {
            code: 'method_not_allowed',
            headers: { Allow: [...methods, 'OPTIONS'].join(', ') },
          });
        }
        const message = path.startsWith('/v1/chat/')
          ? 'GPT-J has no chat format; send the text to go on with to POST /v1/completions, in the form that the model was tuned with'
          : `${path}: there is no such route; /openapi.json lists all`;
        throw new ApiError(404, message, { code: 'unknown_url' });
      }
      if (state.loading && !open.has(path) && path !== '/metrics') throw isLoading();
      const parts = [];
      for await (const part of request) parts.push(part);
      const text = Buffer.concat(parts).toString('utf8');
      let body = {};
      try {
        if (text !== '') body = JSON.parse(text);
      } catch (error) {
        throw new ApiError(400, 'the body: expected JSON, found ' + error.message);
      }
      if (text === '' && path === '/v1/completions')
        throw new ApiError(400, 'the body: expected a JSON object, found nothing');
      if (Array.isArray(body) || body === null || typeof body !== 'object')
        throw new ApiError(400, 'the body: expected a JSON object, found ' + text.slice(0, 20));
      const generates = path.endsWith('/completions') || path.includes('/generate');
      state.running += generates;
      try {
        await route(body, request, response);
      } finally {
        state.running -= generates;
      }
    } catch (error) {
      fail(path, response, error);
    }
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  const bound = server.address().port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    state,
    log,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined);
  const mock = await startMock({ port: Number(option('--port') ?? 8081), root: option('--root') });
  console.log(`listening on ${mock.url}`);
}
