// SPDX-License-Identifier: Apache-2.0
// Checks that the page's Content-Security-Policy has the hashes of its style and its script, that
// the page is ASCII, small, and asks nobody but its own server. With the argument write it writes
// the hashes:
//
//   node page_policy.mjs SOURCE [write]
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';

const path = join(argv[2] ?? '.', 'tools/serve/page.html');
let page = readFileSync(path, 'utf8');
for (const tag of ['script', 'style']) {
  const parts = page.split(`<${tag}>`);
  assert.equal(parts.length, 2, `expected one <${tag}>`);
  const content = parts[1].split(`</${tag}>`)[0];
  const hash = createHash('sha256').update(content).digest('base64');
  const rule = new RegExp(`${tag}-src 'sha256-[^']*'`);
  const right = `${tag}-src 'sha256-${hash}'`;
  assert.match(page, rule);
  if (argv[3] === 'write') page = page.replace(rule, right);
  assert.ok(page.includes(right), `expected ${right}; node page_policy.mjs SOURCE write writes it`);
}
if (argv[3] === 'write') writeFileSync(path, page);
assert.match(page, /^[\t\n\x20-\x7e]*$/, 'expected ASCII only: the page becomes a string literal');
assert.ok(page.length < 45_000, `expected less than 45,000 bytes, found ${page.length}`);
for (const never of [
  'innerHTML',
  'outerHTML',
  'insertAdjacentHTML',
  'document.write',
  'eval(',
  'http://',
  'https://',
  ' style="',
  'onclick=',
]) {
  assert.ok(!page.includes(never), `expected no ${never}`);
}
console.log(`page_policy: ${page.length} bytes, passed`);
