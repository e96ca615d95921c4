// SPDX-License-Identifier: Apache-2.0
// Checks answers of a server against tools/serve/openapi.json.
import assert from 'node:assert/strict';
import Ajv2020 from 'ajv/dist/2020.js';

// Yields the data of a stream's events, which must end with a blank line.
export function eventsOf(text) {
  assert.ok(text.endsWith('\n\n'), 'expected a stream that ends with a blank line');
  const events = [];
  for (const block of text.split('\n\n').filter((b) => b !== '')) {
    const data = [];
    for (const line of block.split('\n')) {
      if (line.startsWith('data: ')) data.push(line.slice(6));
      else
        assert.ok(
          line.startsWith(':') || line === 'event: message',
          `expected data, found ${line}`,
        );
    }
    if (data.length > 0) events.push(data.join('\n'));
  }
  return events;
}

export class Answers {
  constructor(openapi) {
    this.openapi = openapi;
    this.ajv = new Ajv2020({ strict: false, allErrors: true });
    this.ajv.addSchema(openapi, 'openapi');
    this.seen = new Set();
  }

  // Throws unless the value fits the schema of this name.
  fit(name, value) {
    const validate = this.ajv.getSchema(`openapi#/components/schemas/${name}`);
    assert.ok(validate, `no schema ${name}`);
    assert.ok(
      validate(value),
      `${name}: ${this.ajv.errorsText(validate.errors)}: ${JSON.stringify(value).slice(0, 400)}`,
    );
  }

  // Throws unless the answer is one that the file describes.
  check(method, path, { status, type, headers, text }) {
    const found = this.find(method, path);
    if (!found) {
      assert.ok(
        status === 404 || status === 405,
        `${method} ${path} is not described, but is answered with ${status}`,
      );
      return this.fit(path.startsWith('/api/') ? 'KoboldError' : 'Error', JSON.parse(text));
    }
    const [key, operation] = found;
    let response = operation.responses[status];
    assert.ok(response, `${method} ${path}: ${status} is not described`);
    if (response.$ref) response = this.openapi.components.responses[response.$ref.split('/').pop()];
    for (const name of ['WWW-Authenticate', 'Retry-After', 'Allow']) {
      const wanted = response.headers?.[name] && !(name === 'Retry-After' && status === 503);
      if (wanted) assert.ok(headers.get(name), `${method} ${path}: ${status} without ${name}`);
    }
    const plain = type.split(';')[0];
    const content = response.content[plain];
    assert.ok(content, `${method} ${path}: ${plain} is not described`);
    this.seen.add(`${key} ${status} ${plain}`);
    if (plain === 'application/json') return this.schema(content.schema, JSON.parse(text));
    if (plain !== 'text/event-stream') return;
    const events = eventsOf(text);
    const isKobold = path.startsWith('/api/');
    if (!isKobold) assert.equal(events.pop(), '[DONE]');
    for (const event of events) {
      const json = JSON.parse(event);
      if (json.error) this.fit('Error', json);
      else this.schema(content.schema, json);
    }
  }

  schema(schema, value) {
    if (schema.$ref) return this.fit(schema.$ref.split('/').pop(), value);
    const validate = this.ajv.compile(schema);
    assert.ok(validate(value), this.ajv.errorsText(validate.errors));
  }

  find(method, path) {
    for (const [pattern, item] of Object.entries(this.openapi.paths)) {
      const expression = new RegExp('^' + pattern.replace(/\{\w+\}/g, '[^/]+') + '$');
      const operation = item[method.toLowerCase()];
      if (operation && expression.test(path)) return [`${method} ${pattern}`, operation];
    }
    return null;
  }

  // Returns the operations that no answer was checked of.
  unseen() {
    const all = Object.entries(this.openapi.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    return all.filter((operation) => ![...this.seen].some((s) => s.startsWith(operation + ' ')));
  }
}
