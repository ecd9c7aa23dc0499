// SPDX-License-Identifier: Apache-2.0
// swagger_ui.mjs URL EMAIL PASSWORD TITLE: uses Swagger UI as a person would, in a real browser: logs in, takes the
// token to "Authorize", creates the task TITLE and finds it in the list. Whatever the browser complains of (script
// errors, refused by the content security policy, files that do not load) is a failure.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [base, email, password, title] = process.argv.slice(2);
const executable = process.env.CHROMIUM ?? '/usr/bin/chromium';
const patience = 20_000;  // ms, for each step

if (!existsSync(executable)) throw new Error(`${executable} is missing; install it: apt-get install chromium`);

const complaints = [];
const browser = await chromium.launch({
  executablePath: executable,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

async function openPage() {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.setDefaultTimeout(patience);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
  page.on('requestfailed', (request) => complaints.push(`request: ${request.url()} ${request.failure()?.errorText}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(base) && !url.startsWith('data:')) complaints.push(`foreign host asked: ${url}`);
  });
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) =>
    console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI || event.sample}`)));
  await page.goto(`${base}/api-docs`);
  await page.locator('.opblock').first().waitFor();
  return page;
}

// Opens one operation, fills its body, presses Execute; the answer as the page shows it.
async function execute(page, method, path, body) {
  const operation = page.locator(`.opblock-${method}`, { has: page.locator(`[data-path="${path}"]`) });
  if (!(await operation.getAttribute('class')).includes('is-open')) {
    await operation.locator('.opblock-summary-control').click();
  }
  if (body) await operation.locator('textarea.body-param__text').fill(JSON.stringify(body));
  await operation.locator('button.execute').click();
  const answer = operation.locator('.live-responses-table .response').first();
  await answer.waitFor();
  const status = Number.parseInt(await answer.locator('.response-col_status').innerText(), 10);
  const text = await answer.locator('.response-col_description .highlight-code code').first().innerText();
  return { status, text };
}

function expect(what, condition, seen) {
  if (!condition) throw new Error(`${what}: ${JSON.stringify(seen)}`);
  console.log(`ok: ${what}`);
}

try {
  const page = await openPage();
  const login = await execute(page, 'post', '/api/auth/login', { email, password });
  expect('login shows a token', login.status === 200 && login.text.includes('access_token'), login);
  const token = JSON.parse(login.text).access_token;

  await page.locator('.auth-wrapper .authorize').click();
  await page.locator('#auth-bearer-value, [aria-label="auth-bearer-value"]').first().fill(token);
  await page.locator('.modal-ux button.authorize').first().click();
  await page.locator('.modal-ux button.btn-done').first().click();

  const created = await execute(page, 'post', '/api/tasks', { title });
  expect('a task is created', created.status === 201 && created.text.includes(title), created);
  const list = await execute(page, 'get', '/api/tasks');
  expect('the list has it', list.status === 200 && list.text.includes(title), list);

  await page.reload();
  await page.locator('.opblock').first().waitFor();
  const again = await execute(page, 'get', '/api/tasks');
  expect('the authorization survives a reload', again.status === 200, again);
  expect('the browser has nothing to complain of', complaints.length === 0, complaints);
} catch (failure) {
  console.error(failure.message);
  for (const complaint of complaints) console.error(complaint);
  process.exitCode = 1;
} finally {
  await browser.close();
}
