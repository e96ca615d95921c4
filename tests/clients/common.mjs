// SPDX-License-Identifier: Apache-2.0
// What the clients' scripts share. Each is run as
//
//   node SCRIPT.mjs http://127.0.0.1:8080 [KEY]
//
// asserts what the client must get, and exits with 0 or 1.
import assert from 'node:assert/strict';
import { argv, exit } from 'node:process';

export const base = (argv[2] ?? '').replace(/\/$/, '');
export const key = argv[3] ?? '';
if (!base.startsWith('http')) {
  console.error(`usage: node ${argv[1]} http://127.0.0.1:8080 [KEY]`);
  exit(2);
}

// Sends JSON as a client that is written by hand does. Returns {status, headers, text, json}.
export async function send(method, path, body, headers = {}, signal = undefined) {
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(key ? { Authorization: `Bearer ${key}` } : {}),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : null,
  };
}

export async function post(path, body, status = 200, headers = {}) {
  const answer = await send('POST', path, body, headers);
  assert.equal(answer.status, status, `${path}: ${answer.text.slice(0, 300)}`);
  return answer;
}

export async function get(path) {
  const answer = await send('GET', path);
  assert.equal(answer.status, 200, `${path}: ${answer.text.slice(0, 300)}`);
  return answer.json;
}

// Yields the {event, data} of a response's stream, in the pieces in which they come.
export async function* events(response) {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of response.body) {
    rest += decoder.decode(bytes, { stream: true });
    for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) {
      const lines = rest.slice(0, end).split('\n');
      const field = (name) =>
        lines
          .filter((l) => l.startsWith(name + ': '))
          .map((l) => l.slice(name.length + 2))
          .join('\n');
      if (field('data') !== '') yield { event: field('event'), data: field('data') };
    }
  }
  assert.equal(rest, '', 'the stream ends within an event');
}

// Returns how many prompts run or wait, or null where the server does not tell.
export async function load() {
  const { status, text } = await send('GET', '/metrics');
  if (status !== 200) return null;
  const value = (name) =>
    Number(text.match(new RegExp(`^gptj_num_requests_${name} (\\S+)`, 'm'))?.[1]);
  return value('running') + value('waiting');
}

// Waits until no prompt runs; a request whose client has left must end by itself.
export async function idle(seconds = 30) {
  for (
    const end = Date.now() + 1000 * seconds;
    Date.now() < end;
    await new Promise((done) => setTimeout(done, 100))
  ) {
    const prompts = await load();
    if (prompts === null || prompts === 0) return;
  }
  assert.fail(`after ${seconds} s there are still ${await load()} prompts`);
}

// Runs the tests one after the other and exits.
export async function runAll(name, tests) {
  let failed = 0;
  for (const [title, test] of Object.entries(tests)) {
    try {
      await test();
      console.log(`ok      ${name}: ${title}`);
    } catch (error) {
      ++failed;
      console.log(`FAILED  ${name}: ${title}\n${error.stack}`);
    }
  }
  exit(failed === 0 ? 0 : 1);
}
