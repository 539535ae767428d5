// What the suites share: where the local Slack is, its control API, and waiting with a deadline.
import assert from 'node:assert/strict';
import { LogLevel, WebClient } from '@slack/web-api';

export const slackUrl = process.env.SIM_SLACK_URL;
if (!slackUrl) {
  throw new Error(
    'SIM_SLACK_URL: expected the address of a local Slack, such as http://127.0.0.1:8090, found nothing; see tests/clients/README.md',
  );
}

/** The SDKs append the method's name, so the slash at the end matters. */
export const slackApiUrl = `${slackUrl}/api/`;
export const botToken = 'xoxb-local';
export const appToken = 'xapp-local';
export const team = 'T0LOCAL';
export const botUser = 'U0ATHENA';
export const bot = 'B0ATHENA';
export const general = 'C0GENERAL';
export const random = 'C0RANDOM';
export const ada = 'U0ADA';
export const adaDm = 'D0ADA';

/** Far above what a step needs, also on a busy machine. */
const WAIT_MS_MAX = 20_000;
const POLL_EVERY_MS = 20;

/** The SDKs log every refused call; the suites look at the errors themselves. */
export const logLevel = process.env.SIM_LOG === 'debug' ? LogLevel.DEBUG : LogLevel.ERROR;

/** Never retries by itself, so that each call of a test is one call. */
export function webClient(token = botToken, options = {}) {
  return new WebClient(token, { slackApiUrl, logLevel, retryConfig: { retries: 0 }, ...options });
}

/** Calls the control API; a body makes it a POST. */
export async function control(path, body) {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${slackUrl}/sim/${path}`, body === undefined ? {} : post);
  const text = await response.text();
  assert.ok(response.ok, `control API: ${path} answered ${response.status} ${text}`);
  return text === '' ? {} : JSON.parse(text);
}

/** A person says something; the message's timestamp. */
export async function say(text, { channel = general, user = ada, thread_ts } = {}) {
  const { ts } = await control('messages', { channel, user, text, thread_ts });
  return ts;
}

/** Moves the local Slack's clock forward. */
export const advance = (seconds) => control('clock', { advance_s: seconds });

/** Waits until `probe` returns something truthy, and returns that. */
export async function until(what, probe) {
  const deadline = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) assert.fail(`waited ${WAIT_MS_MAX} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_EVERY_MS));
  }
}

/** The error that a call is refused with; fails when it is not refused. */
export async function refusal(call) {
  return call.then(
    (result) => assert.fail(`expected a refusal, found ${JSON.stringify(result)}`),
    (error) => error,
  );
}

/** Asserts that Slack refuses a call with this code, and returns the body of the answer. */
export async function refused(code, call) {
  const error = await refusal(call);
  assert.equal(error.code, 'slack_webapi_platform_error', String(error));
  assert.equal(error.data.error, code);
  assert.equal(error.data.ok, false);
  return error.data;
}

/** The messages of a thread, root first. */
export async function thread(channel, ts) {
  const { messages } = await webClient().conversations.replies({ channel, ts, include_all_metadata: true });
  return messages;
}
