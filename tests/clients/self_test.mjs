// SPDX-License-Identifier: Apache-2.0
// Runs every client against the mock server, with and without a key: node self_test.mjs SOURCE
import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { argv, execPath, exit } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const { startMock } = await import(
  pathToFileURL(join(resolve(argv[2]), 'tests/serve/mock_server.mjs'))
);
let failed = 0;
for (const apiKey of [null, 'secret']) {
  const mock = await startMock({ root: argv[2], apiKey });
  for (const name of ['openai', 'langchain', 'lm_eval', 'kobold']) {
    const child = spawn(
      execPath,
      [join(here, `${name}_client.mjs`), mock.url, ...(apiKey ? [apiKey] : [])],
      { stdio: 'inherit' },
    );
    if ((await new Promise((done) => child.on('exit', done))) !== 0) ++failed;
  }
  await mock.close();
}
console.log(failed === 0 ? 'clients: passed' : `clients: ${failed} failed`);
exit(failed === 0 ? 0 : 1);
