// SPDX-License-Identifier: Apache-2.0
// Checks tools/serve/examples, as far as this machine has the programs: node examples_test.mjs
// SOURCE
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, exit } from 'node:process';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { startMock } from './mock_server.mjs';

const folder = join(argv[2], 'tools/serve/examples');
const read = (name) => readFileSync(join(folder, name), 'utf8');
const work = mkdtempSync(join(tmpdir(), 'gptj-examples-'));
const has = (program) =>
  spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${program}`]).status === 0;
const run = (...command) =>
  promisify(execFile)(command[0], command.slice(1), {
    env: { ...process.env, PATH: process.env.PATH + ':/usr/sbin' },
  });
const skip = (why) => console.log('skipped ' + why);

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

// The names of SERVE.md 7.
const gauges = [
  'num_requests_running',
  'num_requests_waiting',
  'kv_cache_usage_ratio',
  'kv_cache_bytes',
  'connections',
  'build_info',
];
const counters = [
  'prefix_cache_tokens',
  'prompt_tokens',
  'generation_tokens',
  'requests',
  'request_finished',
  'requests_rejected',
  'speculation_tokens',
];
const histograms = [
  'time_to_first_token_seconds',
  'inter_token_seconds',
  'request_seconds',
  'queue_seconds',
  'prefill_seconds',
  'decode_seconds',
  'request_prompt_tokens',
  'request_generation_tokens',
  'batch_rows',
];
const metrics = new Set([
  ...gauges.map((n) => 'gptj_' + n),
  ...counters.map((n) => `gptj_${n}_total`),
  ...histograms.flatMap((n) => ['bucket', 'sum', 'count'].map((part) => `gptj_${n}_${part}`)),
  ...['resident_memory_bytes', 'open_fds', 'start_time_seconds', 'cpu_seconds_total'].map(
    (n) => 'process_' + n,
  ),
]);

// Returns how many pieces of a slow stream come apart in time.
async function pieces(url) {
  const response = await fetch(url + '/v1/completions', {
    method: 'POST',
    body: JSON.stringify({ prompt: '[slow] A king', max_tokens: 8, stream: true }),
  });
  assert.equal(response.status, 200);
  let count = 0;
  let last = 0;
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    if (performance.now() - last > 40) ++count;
    last = performance.now();
  }
  assert.ok(text.endsWith('data: [DONE]\n\n'));
  return count;
}

async function withNginx(site, test) {
  const main = `pid ${work}/nginx.pid; error_log ${work}/error.log; daemon off; master_process off;
    events {} http { access_log off; client_body_temp_path ${work}/a; proxy_temp_path ${work}/b; fastcgi_temp_path ${work}/c;
    uwsgi_temp_path ${work}/d; scgi_temp_path ${work}/e; ${site} }`;
  const path = join(work, 'nginx.conf');
  writeFileSync(path, main);
  await run('nginx', '-t', '-q', '-c', path);
  const child = spawn('nginx', ['-c', path], {
    env: { PATH: process.env.PATH + ':/usr/sbin' },
    stdio: 'inherit',
  });
  try {
    for (let i = 0; i < 100; ++i) {
      await new Promise((done) => setTimeout(done, 100));
      if (await test.ready()) break;
    }
    await test.run();
  } finally {
    child.kill();
    await new Promise((done) => child.on('exit', done));
  }
}

const tests = {
  async 'YAML and JSON are whole'() {
    for (const name of ['kubernetes.yaml', 'prometheus.yml']) {
      for (const document of parseAllDocuments(read(name)))
        assert.deepEqual([...document.errors, ...document.warnings], []);
    }
    JSON.parse(read('grafana.json'));
  },

  async 'the Deployment has three probes, and time to end'() {
    const [deployment, service] = parseAllDocuments(read('kubernetes.yaml')).map((d) => d.toJS());
    assert.deepEqual([deployment.kind, service.kind], ['Deployment', 'Service']);
    const { spec } = deployment.spec.template;
    const [container] = spec.containers;
    assert.equal(container.startupProbe.httpGet.path, '/health');
    assert.equal(container.readinessProbe.httpGet.path, '/readyz');
    assert.equal(container.livenessProbe.httpGet.path, '/livez');
    const drain = Number(container.args.find((a) => a.startsWith('--drain=')).slice(8));
    assert.ok(spec.terminationGracePeriodSeconds > drain + 5 + 5);
    assert.deepEqual(service.spec.selector, deployment.spec.selector.matchLabels);
    assert.deepEqual(
      deployment.spec.template.metadata.labels,
      deployment.spec.selector.matchLabels,
    );
    const volumes = spec.volumes.map((v) => v.name);
    for (const mount of container.volumeMounts) assert.ok(volumes.includes(mount.name));
  },

  async 'the dashboard asks for metrics that there are'() {
    const { panels } = JSON.parse(read('grafana.json'));
    const asked = new Set(JSON.stringify(panels).match(/\b(gptj|process)_\w+/g));
    assert.ok(asked.size > 15);
    for (const name of asked) assert.ok(metrics.has(name), name);
    assert.equal(new Set(panels.map((p) => p.id)).size, panels.length);
  },

  async 'promtool takes the scraping'() {
    if (!has('promtool')) return skip('no promtool');
    await run('promtool', 'check', 'config', join(folder, 'prometheus.yml'));
  },

  async 'systemd rates the service below 2.0'() {
    if (!has('systemd-analyze')) return skip('no systemd-analyze');
    const rated = join(work, 'gptj.service');
    writeFileSync(rated, read('gptj.service').replace('/usr/bin/gptj', '/bin/true'));
    const verified = await run('systemd-analyze', 'verify', '--man=no', rated);
    assert.equal(
      verified.stderr
        .split('\n')
        .filter((line) => line.includes('gptj.service'))
        .join('\n'),
      '',
    );
    const { stdout } = await run('systemd-analyze', 'security', '--offline=true', rated);
    const exposure = Number(stdout.match(/exposure level for gptj.service: ([\d.]+)/)[1]);
    assert.ok(exposure < 2, `expected less than 2.0, found ${exposure}`);
    console.log(`        exposure ${exposure}`);
  },

  async 'nginx passes streams on as they come'() {
    if (!has('nginx')) return skip('no nginx');
    const mock = await startMock({ root: argv[2] });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const ready = () =>
      fetch(url + '/health').then(
        (r) => r.ok,
        () => false,
      );
    try {
      const site = read('nginx.conf')
        .replace('127.0.0.1:8080', `127.0.0.1:${mock.port}`)
        .replace('listen 80;', `listen 127.0.0.1:${port};`);
      assert.ok(site.includes(String(mock.port)) && site.includes(String(port)));
      await withNginx(site, {
        ready,
        async run() {
          assert.ok((await pieces(url)) >= 6);
          const body = JSON.stringify({ prompt: 'A', max_tokens: 1, unknown: 'x'.repeat(2e6) });
          assert.equal(
            (await fetch(url + '/v1/completions', { method: 'POST', body })).status,
            200,
          );
          assert.equal((await fetch(url + '/metrics')).status, 200);
          assert.equal(mock.log.at(-1).headers.host, `127.0.0.1:${port}`);
          // A client that leaves ends its request behind nginx, too.
          const { abandoned } = mock.state;
          await assert.rejects(
            fetch(url + '/v1/completions', {
              method: 'POST',
              signal: AbortSignal.timeout(500),
              body: JSON.stringify({ prompt: '[slow]', max_tokens: 300, stream: true }),
            }).then((r) => r.text()),
          );
          for (let i = 0; i < 100 && mock.state.abandoned === abandoned; ++i)
            await new Promise((done) => setTimeout(done, 50));
          assert.equal(mock.state.abandoned, abandoned + 1);
        },
      });
      // As nginx is by default: HTTP/1.0 and buffers, which X-Accel-Buffering turns off.
      const plain = `server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${mock.port}; } }`;
      await withNginx(plain, { ready, run: async () => assert.ok((await pieces(url)) >= 6) });
    } finally {
      await mock.close();
    }
  },

  async 'what the README says to type works'() {
    const mock = await startMock({ root: argv[2] });
    try {
      const text = read('README.md').replaceAll('http://127.0.0.1:8080', mock.url);
      const commands = [...text.matchAll(/^\$ (curl .*)$/gm)].map((m) => m[1]);
      assert.ok(commands.length >= 8);
      for (const command of commands)
        await run('bash', '-c', command.replace(/^curl/, 'curl -sSf'));
      const script = [...text.matchAll(/```js\n([^]*?)```/g)]
        .map((m) => m[1])
        .find((s) => !s.includes('import'));
      const path = join(work, 'snippet.mjs');
      writeFileSync(path, script);
      const { stdout } = await run(process.execPath, path);
      assert.ok(stdout.length > 40, stdout);
      for (const [, link] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
        readFileSync(join(folder, link));
    } finally {
      await mock.close();
    }
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log('ok      ' + name);
  } catch (error) {
    ++failed;
    console.log('FAILED  ' + name + '\n' + error.stack + (error.stderr ?? ''));
  }
}
console.log(failed === 0 ? 'examples_test: passed' : `examples_test: ${failed} failed`);
exit(failed === 0 ? 0 : 1);
