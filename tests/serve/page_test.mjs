// SPDX-License-Identifier: Apache-2.0
// Tests the page in a headless Chromium, against the mock server or a real one:
//
//   node page_test.mjs SOURCE [--url http://127.0.0.1:8080] [--shots DIR]
//
// With --url the tests that need the mock's faults are left out. CHROMIUM names the browser
// (default: /usr/bin/chromium). --shots keeps the screenshots, which a change of the page should be
// judged by.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, exit } from 'node:process';
import puppeteer from 'puppeteer-core';
import { startMock } from './mock_server.mjs';

const option = (name) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined);
const source = argv[2];
const shots = option('--shots');
const chromium = env.CHROMIUM ?? '/usr/bin/chromium';
if (!existsSync(chromium)) {
  console.log(`page_test: no ${chromium}`);
  exit(env.CI === 'true' ? 1 : 77);
}
if (shots) mkdirSync(shots, { recursive: true });
const mock = option('--url') ? null : await startMock({ root: source });
const url = option('--url') ?? mock.url;

const page_of_source = readFileSync(join(source, 'tools/serve/page.html'), 'utf8');
const served = await fetch(url + '/').then((response) => response.text());
assert.ok(served === page_of_source, `${url}/ is not tools/serve/page.html: build the server anew`);

const browser = await puppeteer.launch({
  executablePath: chromium,
  headless: true,
  args: ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  protocolTimeout: 240_000,
});

const kWait = { timeout: 90_000, polling: 50 };

// Opens the page anew, with empty storage. Everything that it asks of another origin, and every
// error on its console, fails the test; `allowed` is for statuses that the browser reports there by
// itself.
async function open({ dark = false, phone = false, allowed = /^$/ } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const faults = [];
  page.on(
    'console',
    (m) =>
      ['error', 'warning', 'warn'].includes(m.type()) &&
      !allowed.test(m.text()) &&
      faults.push(m.text()),
  );
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on(
    'request',
    (r) =>
      !r.url().startsWith(url) && !r.url().startsWith('data:') && faults.push('asked ' + r.url()),
  );
  await page.emulateMediaFeatures([
    { name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' },
  ]);
  await page.setViewport(
    phone
      ? { width: 360, height: 740, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }
      : { width: 1280, height: 860 },
  );
  await page.goto(url + '/');
  const read = (id) =>
    page.$eval('#' + id, (e) =>
      e.hidden ? '' : 'value' in e && e.tagName !== 'BUTTON' ? e.value : e.textContent,
    );
  const when = (f, ...args) => page.waitForFunction(f, kWait, ...args);
  const set = (id, value) =>
    page.$eval(
      '#' + id,
      (e, v) => {
        if (e.type === 'checkbox') e.checked = v;
        else e.value = v;
        e.dispatchEvent(new Event('input', { bubbles: true }));
      },
      value,
    );
  return {
    page,
    read,
    when,
    set,
    async write(words) {
      await page.focus('#text');
      await page.keyboard.sendCharacter(words);
    },
    async keys(...keys) {
      for (const key of keys.slice(0, -1)) await page.keyboard.down(key);
      await page.keyboard.press(keys.at(-1));
      for (const key of keys.slice(0, -1).reverse()) await page.keyboard.up(key);
    },
    ended: () =>
      when(
        () =>
          document.getElementById('go').textContent === 'Generate' &&
          document.getElementById('status').textContent.includes('seed'),
      ),
    modelText: () =>
      page.$$eval('#ink .model', (spans) => spans.map((s) => s.textContent).join('')),
    enabled: (id) => page.$eval('#' + id, (e) => e.getAttribute('aria-disabled') !== 'true'),
    shot: (name) => shots && page.screenshot({ path: join(shots, name + '.png') }),
    async close() {
      assert.deepEqual(faults, []);
      await context.close();
    },
  };
}

const tests = {
  async 'streams and tells what the model wrote'() {
    const p = await open();
    await p.when(() => document.getElementById('load').textContent.startsWith('ready'));
    assert.match(await p.read('model'), /context of \d+ tokens/);
    assert.match(await p.read('load'), /^ready, \d+ running, \d+ waiting$/);
    await p.write('Once upon a time');
    await p.set('max_tokens', '40');
    await p.keys('Control', 'Enter');
    await p.ended();
    const model = await p.modelText();
    assert.ok(model.length > 20, model);
    assert.equal(await p.read('text'), 'Once upon a time' + model);
    assert.match(
      await p.read('status'),
      /: 40 tokens in .* seed \d+, \d+ of \d+ in the context\.$/,
    );
    assert.equal(await p.page.$eval('#text', (t) => t.selectionStart === t.value.length), true);
    await p.shot('light');
    await p.close();
  },

  async 'shows the probabilities at the cursor and under the pointer'() {
    const p = await open();
    await p.write('The old king');
    await p.set('max_tokens', '24');
    await p.keys('Control', 'Enter');
    await p.ended();
    for (let i = 0; i < 12; ++i) await p.keys('ArrowLeft');
    const summary = await p.read('token-say');
    assert.match(summary, /^\u201c.*\u201d: (< )?[\d.]+ %$/);
    assert.ok((await p.page.$$('#rows .row')).length >= 5);
    assert.equal((await p.page.$$('#rows .own')).length, 1);
    const at = await p.page.$eval('#ink .at', (e) => e.textContent);
    await p.shot('focus');
    // The highlighted piece is the one that the cursor stands in.
    const [caret, before] = await p.page.evaluate(() => {
      let sum = 0;
      for (const span of document.querySelectorAll('#ink span')) {
        if (span.classList.contains('at')) break;
        sum += span.textContent.length;
      }
      return [document.getElementById('text').selectionStart, sum];
    });
    assert.ok(before <= caret && caret < before + at.length);
    const box = await p.page.$$eval('#ink .model', (spans) => {
      const r = spans[2].getClientRects()[0];
      return { x: r.x + r.width / 2, y: r.y + r.height / 2, text: spans[2].textContent };
    });
    await p.page.mouse.move(box.x, box.y);
    await p.when((text) => document.querySelector('#ink .at')?.textContent === text, box.text);
    // The first piece is the user's own.
    const own = await p.page.$eval('#ink .you', (s) => ({
      x: s.getBoundingClientRect().x + 20,
      y: s.getBoundingClientRect().y + 10,
    }));
    await p.page.mouse.move(own.x, own.y);
    await p.when(() =>
      document.getElementById('token-say').textContent.startsWith('You wrote this'),
    );
    await p.page.mouse.move(5, 5);
    await p.when((text) => document.querySelector('#ink .at')?.textContent === text, at);
    // Another token is taken instead, and what follows is dropped; undo brings it back.
    const whole = await p.read('text');
    await p.page.click('#rows button.row');
    const taken = await p.read('text');
    assert.ok(taken.length < whole.length && whole.startsWith(taken.slice(0, before)));
    await p.page.click('#undo');
    assert.equal(await p.read('text'), whole);
    // The overlay and the text break their lines alike.
    await p.write(' A word of the user'.repeat(120) + '\n\n');
    const heights = await p.page.evaluate(() => {
      const area = document.getElementById('text');
      area.style.height = '0';
      return [area.scrollHeight, document.getElementById('ink').scrollHeight];
    });
    assert.ok(heights[0] > 400 && Math.abs(heights[0] - heights[1]) <= 2, String(heights));
    await p.close();
  },

  async 'undoes and redoes generations and typing'() {
    const p = await open();
    await p.write('A wolf');
    await p.set('max_tokens', '8');
    await p.keys('Control', 'Enter');
    await p.ended();
    const first = await p.read('text');
    await new Promise((done) => setTimeout(done, 1100));
    await p.write(' and a river');
    assert.equal(await p.enabled('retry'), false);
    await p.keys('Control', 'z');
    assert.equal(await p.read('text'), first);
    await p.keys('Control', 'z');
    assert.equal(await p.read('text'), 'A wolf');
    await p.keys('Control', 'Shift', 'Z');
    assert.equal(await p.read('text'), first);
    assert.ok((await p.modelText()).length > 0);
    await p.keys('Control', 'y');
    assert.equal(await p.read('text'), first + ' and a river');
    await p.page.click('#undo');
    await p.page.click('#undo');
    await p.page.click('#undo');
    assert.equal(await p.read('text'), '');
    assert.equal(await p.enabled('undo'), false);
    await p.close();
  },

  async 'keeps a seed, and tries again with another'() {
    const p = await open();
    await p.write('Three brothers');
    await p.set('max_tokens', '20');
    await p.set('seed', '42');
    await p.keys('Control', 'Enter');
    await p.ended();
    assert.match(await p.read('status'), /seed 42[,.]/);
    const first = await p.read('text');
    await p.page.click('#undo');
    await p.page.click('#go');
    await p
      .when(
        () =>
          document.getElementById('go').textContent === 'Stop' ||
          document.getElementById('pace').textContent !== '',
      )
      .catch(() => {});
    await p.ended();
    assert.equal(await p.read('text'), first);
    await p.page.click('#retry');
    await p.when(
      (t) =>
        document.getElementById('text').value !== t &&
        document.getElementById('go').textContent === 'Generate' &&
        !document.getElementById('status').textContent.includes('seed 42'),
      first,
    );
    await p.ended();
    const second = await p.read('text');
    assert.ok(second.startsWith('Three brothers') && second !== first);
    assert.notEqual(await p.read('seed'), '42');
    await p.page.click('#undo');
    assert.equal(await p.read('text'), first);
    // An empty field draws a seed, which can be kept.
    await p.set('seed', '');
    await p.page.click('#text');
    await p.keys('Control', 'Enter');
    await p.ended();
    const drawn = (await p.read('status')).match(/seed (\d+)/)[1];
    await p.page.click('#keep');
    assert.equal(await p.read('seed'), drawn);
    // Settings outlive the page, and the text outlives a reload.
    const text = await p.read('text');
    await p.page.reload();
    assert.equal(await p.read('seed'), drawn);
    assert.equal(await p.read('max_tokens'), '20');
    assert.equal(await p.read('text'), text);
    await p.page.click('#reset');
    assert.equal(await p.read('seed'), '');
    await p.close();
  },

  async 'refuses a setting that is out of range'() {
    const p = await open();
    await p.write('x');
    await p.set('top_p', '7');
    await p.keys('Control', 'Enter');
    assert.equal(await p.page.evaluate(() => document.activeElement.id), 'top_p');
    assert.equal(await p.read('text'), 'x');
    await p.close();
  },

  async 'edits in the middle keep what was not touched'() {
    const p = await open();
    await p.write('The wolf');
    await p.set('max_tokens', '12');
    await p.keys('Control', 'Enter');
    await p.ended();
    const pieces = await p.page.$$eval('#ink span', (s) => s.length);
    await p.page.$eval('#text', (t) => t.setSelectionRange(3, 3));
    await p.page.keyboard.sendCharacter(' \u{1F409}');
    await p.page.keyboard.press('Backspace');
    await p.page.keyboard.sendCharacter('\u{1F43A}');
    const shown = await p.page.$eval('#ink', (e) => e.textContent.replace('\u200b', ''));
    assert.equal(shown, await p.read('text'));
    assert.ok(shown.startsWith('The \u{1F43A} wolf'), shown);
    assert.equal(await p.page.$$eval('#ink span', (s) => s.length), pieces);
    await p.close();
  },

  async 'is dark where the system is'() {
    const p = await open({ dark: true });
    await p.write('Once upon a time there was a castle.\n\nThe king');
    await p.set('max_tokens', '60');
    await p.keys('Control', 'Enter');
    await p.ended();
    for (let i = 0; i < 9; ++i) await p.keys('ArrowLeft');
    const [back, ink] = await p.page.evaluate(() => [
      getComputedStyle(document.body).backgroundColor,
      getComputedStyle(document.body).color,
    ]);
    assert.ok(
      parseInt(back.match(/\d+/)[0]) < 60 && parseInt(ink.match(/\d+/)[0]) > 180,
      back + ink,
    );
    await p.shot('dark');
    await p.close();
  },

  async 'fits a telephone'() {
    const p = await open({ phone: true });
    const overflow = () =>
      p.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
    assert.equal(await overflow(), 0);
    await p.shot('phone-empty');
    await p.write(
      'Once upon a time there was a wolf with averyveryveryveryveryveryveryveryveryveryverylongname',
    );
    await p.page.tap('#go');
    await p.ended();
    await p.page.evaluate(() => document.getElementById('text').setSelectionRange(120, 120));
    await p.when(() => document.querySelectorAll('#rows .row').length > 0);
    assert.equal(await overflow(), 0);
    await p.shot('phone');
    if (shots) await p.page.screenshot({ path: join(shots, 'phone-token.png'), fullPage: true });
    await p.page.tap('summary');
    assert.equal(await overflow(), 0);
    // What one taps is at least 44 pixels high and wide; a checkbox has its label.
    const small = await p.page.$$eval(
      'button, input, select, textarea, summary, label.check',
      (all) =>
        all
          .filter((e) => e.offsetParent !== null && e.type !== 'checkbox')
          .map((e) => [e.id || e.className || e.tagName, e.getBoundingClientRect()])
          .filter(([, r]) => r.height < 43.9 || r.width < 43.9)
          .map(([id, r]) => `${id} ${r.width}x${r.height}`),
    );
    assert.deepEqual(small, []);
    if (shots) await p.page.screenshot({ path: join(shots, 'phone-settings.png'), fullPage: true });
    await p.close();
  },

  async 'every field has a label, and the keyboard reaches all'() {
    const p = await open();
    const nameless = await p.page.$$eval('input, select, textarea', (all) =>
      all.filter((e) => e.labels.length === 0).map((e) => e.id),
    );
    assert.deepEqual(nameless, []);
    const reached = new Set();
    await p.page.focus('#text');
    for (let i = 0; i < 24; ++i) {
      const [id, outline] = await p.page.evaluate(() => {
        const e = document.activeElement;
        const style = getComputedStyle(e.id === 'text' ? document.getElementById('paper') : e);
        return [e.id || e.tagName, style.outlineStyle];
      });
      reached.add(id);
      assert.equal(outline === 'none' && id !== 'BODY', false, id + ' shows no focus');
      await p.keys('Tab');
    }
    for (const id of [
      'text',
      'go',
      'undo',
      'redo',
      'retry',
      'max_tokens',
      'seed',
      'stop',
      'overflow',
      'logprobs',
      'reset',
      'key',
    ]) {
      assert.ok(reached.has(id), id + ' is not reached by Tab');
    }
    const live = await p.page.evaluate(() => [
      document.getElementById('status').role,
      document.getElementById('error').role,
    ]);
    assert.deepEqual(live, ['status', 'alert']);
    await p.close();
  },
};

const mockTests = {
  async 'stops, and the server sees it'() {
    const p = await open();
    await p.write('[slow] The king');
    await p.set('max_tokens', '200');
    await p.keys('Control', 'Enter');
    await p.when(() => document.querySelectorAll('#ink .model').length >= 3);
    assert.equal(await p.page.$eval('#go', (e) => e.textContent), 'Stop');
    await p.when(() => document.getElementById('pace').textContent.includes('a second'));
    await p.shot('writing');
    const abandoned = mock.state.abandoned;
    await p.keys('Escape');
    assert.equal(await p.read('status'), 'Stopped.');
    const text = await p.read('text');
    await new Promise((done) => setTimeout(done, 600));
    assert.equal(await p.read('text'), text);
    assert.equal(mock.state.abandoned, abandoned + 1);
    assert.equal(mock.state.running, 0);
    // What was written stays, and undo takes the whole of it away.
    await p.keys('Control', 'z');
    assert.equal(await p.read('text'), '[slow] The king');
    // Undo while it writes, and Stop by the button.
    await p.keys('Control', 'Enter');
    await p.when(() => document.querySelectorAll('#ink .model').length >= 2);
    await p.keys('Control', 'z');
    assert.equal(await p.read('text'), '[slow] The king');
    await p.page.click('#go');
    // Not at once: the second click of a double click does not stop.
    await p.when(() => document.querySelectorAll('#ink .model').length >= 5);
    await p.page.click('#go');
    assert.equal(await p.read('status'), 'Stopped.');
    // Where nothing was written yet, there is nothing to undo.
    await p.page.click('#undo');
    await p.keys('Control', 'Enter');
    await p.keys('Escape');
    assert.equal(await p.read('text'), '[slow] The king');
    assert.equal(await p.page.$$eval('#ink .model', (e) => e.length), 0);
    assert.equal(await p.enabled('redo'), true);
    await p.close();
  },

  async 'sends what the settings say'() {
    const p = await open();
    await p.write('Nothing');
    const want = {
      max_tokens: 5,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.02,
      typical_p: 0.97,
      repetition_penalty: 1.2,
      repetition_penalty_range: 64,
    };
    for (const [name, value] of Object.entries(want)) await p.set(name, String(value));
    await p.set('stop', '\\n\\n\nThe end\n');
    await p.set('seed', '7');
    await p.set('overflow', 'slide');
    await p.keys('Control', 'Enter');
    await p.ended();
    const { body, headers } = mock.log.at(-1);
    assert.deepEqual(body, {
      prompt: 'Nothing',
      ...want,
      stop: ['\n\n', 'The end'],
      seed: 7,
      overflow: 'slide',
      logprobs: 5,
      stream: true,
      stream_options: { include_usage: true },
      model: 'fairytale-toy',
    });
    assert.equal(headers.authorization, undefined);
    await p.set('logprobs', false);
    await p.set('min_p', '');
    await p.keys('Control', 'Enter');
    await p.when(() => document.querySelectorAll('#ink .model').length > 5);
    await p.ended();
    assert.equal('logprobs' in mock.log.at(-1).body || 'min_p' in mock.log.at(-1).body, false);
    await p.keys('ArrowLeft');
    assert.equal(await p.read('token-say'), 'There are no probabilities for this text.');
    // An empty text is an absent prompt.
    await p.page.$eval('#text', (t) => t.select());
    await p.keys('Backspace');
    await p.keys('Control', 'Enter');
    await p.when(() => document.querySelectorAll('#ink .model').length > 0);
    await p.ended();
    assert.equal('prompt' in mock.log.at(-1).body, false);
    await p.close();
  },

  async 'joins characters that were split'() {
    const p = await open();
    await p.write('[emoji]');
    await p.keys('Control', 'Enter');
    await p.ended();
    assert.equal(await p.modelText(), ' \u{1F409}\u2019 of \u6c34');
    const at = (await p.read('text')).indexOf('\u{1F409}');
    await p.page.$eval('#text', (t, i) => t.setSelectionRange(i, i), at);
    await p.when(() => document.getElementById('token-say').textContent.includes('of 4 tokens'));
    assert.match(await p.page.$eval('#rows', (e) => e.textContent), /bytes:\\xf0/);
    await p.shot('split');
    await p.close();
  },

  async 'shows markup as text'() {
    const p = await open();
    await p.write('[html]');
    await p.set('max_tokens', '200');
    await p.keys('Control', 'Enter');
    await p.ended();
    assert.ok((await p.modelText()).includes('<script>document.title=2</script><b>'));
    assert.equal(await p.page.$$eval('#ink img, #ink script, #ink b', (e) => e.length), 0);
    assert.match(await p.page.title(), /gptj$/);
    await p.close();
  },

  async "shows the server's errors"() {
    const p = await open({ allowed: /status of (400|429|401)|ERR_|INCOMPLETE/ });
    const fail = async (prompt, pattern, left) => {
      await p.page.$eval('#text', (t) => t.select());
      await p.write(prompt);
      await p.keys('Control', 'Enter');
      await p.when(
        (source) => new RegExp(source).test(document.getElementById('error').textContent),
        pattern.source,
      );
      assert.equal((await p.read('text')).startsWith(prompt), true);
      if (left === 'nothing') assert.equal(await p.read('text'), prompt);
      assert.equal(await p.page.$eval('#go', (e) => e.textContent), 'Generate');
      assert.equal(await p.page.$eval('#text', (e) => e.readOnly), false);
    };
    await fail('[full]', /^429: the queue is full: 64 prompts wait; try again in 7 s$/, 'nothing');
    await p.shot('error');
    await fail('[fail] The king', /^logits: expected finite numbers/, 'text');
    assert.ok((await p.modelText()).length > 0);
    await fail('[cut] The king', /connection/, 'text');
    await p.set('overflow', 'error');
    await p.set('max_tokens', '3000');
    await fail('The king', /^400: prompt: .* do not fit the context of 2048$/, 'nothing');
    await p.set('max_tokens', '4');
    await p.keys('Control', 'Enter');
    await p.ended();
    assert.equal(await p.read('error'), '');
    await p.close();
  },

  async 'asks for a key, and keeps it for the tab'() {
    mock.state.apiKey = 'secret';
    const p = await open({ allowed: /status of 401/ });
    await p.when(() => document.getElementById('load').textContent === 'asks for an API key');
    await p.write('The king');
    await p.keys('Control', 'Enter');
    await p.when(() =>
      document.getElementById('error').textContent.startsWith('401: a key is needed'),
    );
    await p.set('key', 'secret');
    await p.when(() => document.getElementById('load').textContent.startsWith('ready'));
    await p.page.focus('#text');
    await p.keys('Control', 'Enter');
    await p.ended();
    assert.equal(mock.log.at(-1).headers.authorization, 'Bearer secret');
    assert.equal(
      await p.page.evaluate(() => JSON.stringify(localStorage).includes('secret')),
      false,
    );
    await p.page.reload();
    await p.when(() => document.getElementById('load').textContent.startsWith('ready'));
    await p.close();
    mock.state.apiKey = null;
  },

  async 'waits for a model that is being loaded'() {
    mock.state.loading = true;
    const p = await open({ allowed: /status of 503/ });
    await p.when(() => document.getElementById('load').textContent === 'the model is being loaded');
    mock.state.loading = false;
    await p.when(() => document.getElementById('load').textContent.startsWith('ready'));
    assert.match(await p.read('model'), /^fairytale-toy, f32, context of 2048 tokens$/);
    await p.close();
  },

  async 'ignores comments between events'() {
    const p = await open();
    await p.write('[ping] The king');
    await p.set('max_tokens', '10');
    await p.keys('Control', 'Enter');
    await p.ended();
    assert.match(await p.read('status'), /: 10 tokens/);
    await p.close();
  },
};

let failed = 0;
const only = option('--only');
for (const [name, test] of Object.entries(mock ? { ...tests, ...mockTests } : tests)) {
  if (only && !name.includes(only)) continue;
  try {
    await test();
    console.log('ok      ' + name);
  } catch (error) {
    ++failed;
    console.log('FAILED  ' + name + '\n' + error.stack);
    if (mock) Object.assign(mock.state, { apiKey: null, loading: false });
  }
}
await browser.close();
await mock?.close();
console.log(failed === 0 ? 'page_test: passed' : `page_test: ${failed} failed`);
exit(failed === 0 ? 0 : 1);
