// @slack/web-api against the local Slack.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ada,
  adaDm,
  advance,
  appToken,
  bot,
  botToken,
  botUser,
  control,
  general,
  random,
  refusal,
  refused,
  say,
  team,
  thread,
  webClient,
} from './local_slack.mjs';

const client = webClient();

test('auth.test names the team and the bot, and the scopes come as a header', async () => {
  const identity = await client.auth.test();
  assert.equal(identity.team_id, team);
  assert.equal(identity.user_id, botUser);
  assert.equal(identity.bot_id, bot);
  assert.match(identity.url, /^https?:\/\/.*\/$/);
  assert.ok(identity.response_metadata.scopes.includes('chat:write'), 'x-oauth-scopes');
});

test('a reply in a thread is read back with its metadata', async () => {
  const root = await say('Is there a reply?');
  const metadata = { event_type: 'athenaeum_reply', event_payload: { key: 'k-1', turns: 3, nested: { cited: [1, 2] } } };
  const posted = await client.chat.postMessage({ channel: general, thread_ts: root, text: 'There is.', metadata });
  assert.match(posted.ts, /^\d{10}\.\d{6}$/);
  assert.equal(posted.channel, general);
  assert.equal(posted.message.bot_id, bot);
  assert.equal(posted.message.thread_ts, root);

  const [first, reply] = await thread(general, root);
  assert.equal(first.ts, root);
  assert.equal(first.reply_count, 1);
  assert.equal(first.latest_reply, posted.ts);
  assert.deepEqual(first.reply_users, [botUser]);
  assert.equal(reply.ts, posted.ts);
  assert.equal(reply.text, 'There is.');
  assert.equal(reply.user, botUser);
  assert.deepEqual(reply.metadata, metadata);
});

test('a reply shows in the channel only when it is broadcast', async () => {
  const root = await say('Who sees the replies?');
  const quiet = await client.chat.postMessage({ channel: general, thread_ts: root, text: 'The thread.' });
  const loud = await client.chat.postMessage({
    channel: general,
    thread_ts: root,
    text: 'Everyone.',
    reply_broadcast: true,
  });
  const { messages } = await client.conversations.history({ channel: general, oldest: root, inclusive: true });
  const shown = messages.map((message) => message.ts);
  assert.ok(shown.includes(root));
  assert.ok(shown.includes(loud.ts));
  assert.ok(!shown.includes(quiet.ts));
});

test('an update keeps the timestamp and marks the message as edited', async () => {
  const { ts } = await client.chat.postMessage({ channel: general, text: 'Frist.' });
  const updated = await client.chat.update({ channel: general, ts, text: 'First.' });
  assert.equal(updated.ts, ts);
  assert.equal(updated.text, 'First.');
  const [message] = await thread(general, ts);
  assert.equal(message.text, 'First.');
  assert.equal(message.edited.user, botUser);
  await refused('cant_update_message', client.chat.update({ channel: general, ts: await say('Mine.'), text: 'Not yours.' }));
  await refused('message_not_found', client.chat.update({ channel: general, ts: '1700000000.000001', text: 'Where?' }));
});

test('an update with text alone takes the blocks away, one with blocks leaves no mark', async () => {
  const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: 'A block.' } }];
  const { ts } = await client.chat.postMessage({ channel: general, text: 'A block.', blocks });
  await client.chat.update({ channel: general, ts, text: 'Blocks.', blocks: [...blocks, { type: 'divider' }] });
  const [updated] = await thread(general, ts);
  assert.deepEqual(updated.blocks.map((block) => block.type), ['section', 'divider']);
  assert.equal(updated.edited, undefined);
  await client.chat.update({ channel: general, ts, text: 'Text.' });
  const [plain] = await thread(general, ts);
  assert.ok(!JSON.stringify(plain.blocks ?? []).includes('A block.'));
  await refused('msg_too_long', client.chat.update({ channel: general, ts, text: 'x'.repeat(4_001) }));
});

test('a deleted message is gone', async () => {
  const { ts } = await client.chat.postMessage({ channel: general, text: 'Soon gone.' });
  await client.chat.delete({ channel: general, ts });
  await refused('message_not_found', client.chat.delete({ channel: general, ts }));
  const { messages } = await client.conversations.history({ channel: general, oldest: ts, latest: ts, inclusive: true });
  assert.deepEqual(messages, []);
});

test('blocks are kept, and wrong ones are refused with the reason', async () => {
  const blocks = [
    { type: 'section', block_id: 'b1', text: { type: 'mrkdwn', text: 'Which one?' } },
    { type: 'actions', block_id: 'b2', elements: [{ type: 'button', action_id: 'one', text: { type: 'plain_text', text: 'One' }, value: '1' }] },
  ];
  const { ts } = await client.chat.postMessage({ channel: general, text: 'Which one?', blocks });
  const [message] = await thread(general, ts);
  assert.deepEqual(message.blocks.map((block) => block.type), ['section', 'actions']);
  assert.equal(message.blocks[1].elements[0].action_id, 'one');
  const answer = await refused('invalid_blocks', client.chat.postMessage({ channel: general, text: 'x', blocks: [{ type: 'no_such_block' }] }));
  assert.ok(answer.response_metadata.messages.length > 0);
});

test('markdown_text takes the place of text', async () => {
  const { ts } = await client.chat.postMessage({ channel: general, markdown_text: '**Bold** and [a link](https://example.org)' });
  const [message] = await thread(general, ts);
  assert.ok(message.text.includes('Bold'));
  await refused('msg_too_long', client.chat.postMessage({ channel: general, markdown_text: 'x'.repeat(12_001) }));
});

test('reactions are added once and removed once', async () => {
  const timestamp = await say('React to this.');
  const eyes = { channel: general, timestamp, name: 'eyes' };
  await client.reactions.add(eyes);
  await refused('already_reacted', client.reactions.add(eyes));
  const { message } = await client.reactions.get({ channel: general, timestamp, full: true });
  assert.deepEqual(message.reactions, [{ name: 'eyes', count: 1, users: [botUser] }]);
  await client.reactions.remove(eyes);
  await refused('no_reaction', client.reactions.remove(eyes));
  await refused('message_not_found', client.reactions.add({ ...eyes, timestamp: '1700000000.000001' }));
});

test('conversations.list is paged with cursors', async () => {
  const names = [];
  let pages = 0;
  for await (const page of client.paginate('conversations.list', { limit: 1, types: 'public_channel' })) {
    assert.ok(page.channels.length <= 1);
    names.push(...page.channels.map((channel) => channel.name));
    pages += 1;
  }
  assert.ok(pages >= 2);
  assert.ok(names.includes('general') && names.includes('random'));
  assert.equal(new Set(names).size, names.length);
});

test('conversations.history is paged from the newest to the oldest', async () => {
  const before = await say('History starts here.', { channel: random });
  const said = [];
  for (const word of ['one', 'two', 'three', 'four', 'five']) said.push(await say(word, { channel: random }));
  const read = [];
  for await (const page of client.paginate('conversations.history', { channel: random, oldest: before, limit: 2 })) {
    assert.ok(page.messages.length <= 2);
    read.push(...page.messages.map((message) => message.ts));
    assert.equal(page.has_more, read.length < said.length);
  }
  assert.deepEqual(read, said.toReversed());
  const { messages } = await client.conversations.history({ channel: random, oldest: said[1], latest: said[3], inclusive: true });
  assert.deepEqual(messages.map((message) => message.text), ['four', 'three', 'two']);
  await refused('invalid_cursor', client.conversations.history({ channel: random, cursor: 'not-a-cursor' }));
});

test('conversations.replies is paged from the oldest to the newest', async () => {
  const root = await say('A long thread.');
  const replies = [];
  for (let count = 0; count < 5; count += 1) replies.push(await say(`reply ${count}`, { thread_ts: root }));
  const read = new Set();
  for await (const page of client.paginate('conversations.replies', { channel: general, ts: root, limit: 2 })) {
    for (const message of page.messages) read.add(message.ts);
  }
  assert.deepEqual([...read], [root, ...replies]);
  await refused('thread_not_found', client.conversations.replies({ channel: general, ts: '1700000000.000001' }));
});

test('a conversation is described, joined and opened', async () => {
  const { channel } = await client.conversations.info({ channel: general });
  assert.equal(channel.id, general);
  assert.equal(channel.name, 'general');
  assert.equal(channel.is_channel, true);
  const { members } = await client.conversations.members({ channel: general });
  assert.ok(members.includes(ada) && members.includes(botUser));
  assert.equal((await client.conversations.open({ users: ada })).channel.id, adaDm);
  const { channel: direct } = await client.conversations.info({ channel: adaDm });
  assert.equal(direct.is_im, true);
  assert.equal(direct.user, ada);
});

test('a person is found by id and in the list', async () => {
  const { user } = await client.users.info({ user: ada });
  assert.equal(user.id, ada);
  assert.equal(user.is_bot, false);
  assert.equal(typeof user.tz, 'string');
  assert.equal(typeof user.tz_offset, 'number');
  assert.equal(typeof user.profile.display_name, 'string');
  const ids = [];
  for await (const page of client.paginate('users.list', { limit: 2 })) ids.push(...page.members.map((member) => member.id));
  assert.ok(ids.includes(ada) && ids.includes(botUser));
  assert.equal(new Set(ids).size, ids.length);
  await refused('user_not_found', client.users.info({ user: 'U0NOBODY' }));
});

test('a link to a message can be had', async () => {
  const ts = await say('Link to me.');
  const { permalink } = await client.chat.getPermalink({ channel: general, message_ts: ts });
  assert.ok(permalink.includes(`/archives/${general}/p${ts.replace('.', '')}`), permalink);
});

test('an ephemeral message is seen by one person and is in no history', async () => {
  const { message_ts } = await client.chat.postEphemeral({ channel: general, user: ada, text: 'Only you see this.' });
  assert.match(message_ts, /^\d{10}\.\d{6}$/);
  const { messages } = await client.conversations.history({ channel: general, limit: 20 });
  assert.ok(messages.every((message) => message.text !== 'Only you see this.'));
});

test('files.uploadV2 puts a file into a thread, and its bytes can be fetched again', async () => {
  const root = await say('Send me the report.');
  const content = 'Lanes, leases and tokens.\n';
  const uploaded = await client.filesUploadV2({
    channel_id: general,
    thread_ts: root,
    initial_comment: 'Here it is.',
    filename: 'report.txt',
    file: Buffer.from(content),
  });
  const [{ id }] = uploaded.files[0].files;
  const { file } = await client.files.info({ file: id });
  assert.equal(file.name, 'report.txt');
  assert.equal(file.size, content.length);
  const fetched = await fetch(file.url_private_download, { headers: { authorization: `Bearer ${botToken}` } });
  assert.equal(await fetched.text(), content);
  const messages = await thread(general, root);
  const shared = messages.find((message) => message.files?.some((each) => each.id === id));
  assert.equal(shared?.text, 'Here it is.');
});

test('a file of some megabytes arrives whole', async () => {
  const file = Buffer.alloc(3 * 1024 * 1024, 'a page of the report, ');
  const uploaded = await client.filesUploadV2({ channel_id: general, filename: 'big.bin', file });
  const [{ id }] = uploaded.files[0].files;
  const { file: kept } = await client.files.info({ file: id });
  const fetched = await fetch(kept.url_private_download, { headers: { authorization: `Bearer ${botToken}` } });
  assert.ok(Buffer.from(await fetched.arrayBuffer()).equals(file));
});

test('a stream is started, appended to and stopped by the chatStream helper', async () => {
  const root = await say('Tell me slowly.');
  const recipient = { recipient_team_id: team, recipient_user_id: ada };
  const stream = client.chatStream({ channel: general, thread_ts: root, ...recipient, buffer_size: 8 });
  assert.equal(await stream.append({ markdown_text: 'Once ' }), null, 'below the buffer nothing is sent');
  const started = await stream.append({ markdown_text: 'upon a ' });
  await stream.append({ markdown_text: 'time there was ' });
  await refused('streaming_state_conflict', client.chat.update({ channel: general, ts: started.ts, text: 'No.' }));
  const metadata = { event_type: 'athenaeum_reply', event_payload: { key: 'streamed' } };
  const stopped = await stream.stop({ markdown_text: 'a queue.', metadata });
  assert.equal(stopped.ts, started.ts);
  const message = (await thread(general, root)).find((each) => each.ts === started.ts);
  assert.ok(message.text.includes('Once upon a time there was a queue.'), message.text);
  assert.deepEqual(message.metadata, metadata);
  const late = { channel: general, ts: started.ts, markdown_text: 'More.' };
  await refused('message_not_in_streaming_state', client.chat.appendStream(late));
});

test('a stream carries tasks and a plan', async () => {
  const thread_ts = await say('Show your work.');
  const target = { channel: general, thread_ts, recipient_team_id: team, recipient_user_id: ada };
  const { ts } = await client.chat.startStream({ ...target, task_display_mode: 'plan' });
  const task = { type: 'task_update', id: 'search', title: 'Searching' };
  await client.chat.appendStream({ channel: general, ts, chunks: [{ ...task, status: 'in_progress' }, { type: 'plan_update', title: 'The plan' }] });
  await client.chat.appendStream({ channel: general, ts, chunks: [{ ...task, status: 'complete', output: 'Two pages.' }] });
  const wrong = { channel: general, ts, chunks: [{ ...task, status: 'completed' }] };
  assert.equal((await refusal(client.chat.appendStream(wrong))).code, 'slack_webapi_platform_error');
  await client.chat.stopStream({ channel: general, ts, chunks: [{ type: 'markdown_text', text: 'Done.' }] });
  const message = (await thread(general, thread_ts)).find((each) => each.ts === ts);
  assert.ok(JSON.stringify(message).includes('Done.'));
});

test('a stream ends by itself after some five minutes', async () => {
  const thread_ts = await say('Take your time.', { channel: adaDm });
  const { ts } = await client.chat.startStream({ channel: adaDm, thread_ts, markdown_text: 'Well' });
  await client.chat.appendStream({ channel: adaDm, ts, markdown_text: ', ' });
  await advance(320);
  await refused('message_not_in_streaming_state', client.chat.appendStream({ channel: adaDm, ts, markdown_text: 'now.' }));
  await client.chat.update({ channel: adaDm, ts, text: 'Well, now.' });
});

test('a stream in a channel needs a thread and a recipient', async () => {
  const thread_ts = await say('For whom?');
  const user = { recipient_user_id: ada };
  await refused('missing_recipient_team_id', client.chat.startStream({ channel: general, thread_ts, ...user }));
  await refused('missing_recipient_user_id', client.chat.startStream({ channel: general, thread_ts, recipient_team_id: team }));
  await refused('invalid_thread_ts', client.chat.startStream({ channel: general, ...user, recipient_team_id: team }));
});

test('a thread has a status, a title and prompts', async () => {
  const thread_ts = await say('Are you busy?', { channel: adaDm });
  const where = { channel_id: adaDm, thread_ts };
  const status = { ...where, status: 'is searching…', loading_messages: ['Opening books…'] };
  const shown = async () => (await control('state')).statuses.filter((each) => each.thread_ts === thread_ts);
  await client.assistant.threads.setTitle({ ...where, title: 'Busy?' });
  await client.assistant.threads.setSuggestedPrompts({ ...where, prompts: [{ title: 'Replay', message: 'How is an event replayed?' }] });
  await client.assistant.threads.setStatus(status);
  assert.deepEqual((await shown()).map((each) => each.status), ['is searching…']);
  await client.assistant.threads.setStatus({ ...where, status: '' });
  assert.deepEqual(await shown(), []);
  await client.assistant.threads.setStatus(status);
  await client.chat.postMessage({ channel: adaDm, thread_ts, text: 'Found it.' });
  assert.deepEqual(await shown(), [], 'an answer ends it');
  await client.assistant.threads.setStatus(status);
  await advance(121);
  assert.deepEqual(await shown(), [], 'and so do two minutes');
});

test('an agent session has a status and a name', async () => {
  const thread_ts = await say('Start a session.', { channel: adaDm });
  const where = { channel_id: adaDm, thread_ts };
  await client.agents.sessions.setStatus({ ...where, status: 'processing', title: 'A session' });
  await client.agents.sessions.rename({ ...where, title: 'The session' });
  await client.agents.sessions.setStatus({ ...where, status: 'active' });
});

test('what cannot be done is refused in the words of Slack', async () => {
  await refused('channel_not_found', client.chat.postMessage({ channel: 'C0NOWHERE', text: 'Hello?' }));
  await refused('not_in_channel', client.chat.postMessage({ channel: 'C0LOUNGE', text: 'Hello?' }));
  await refused('no_text', client.chat.postMessage({ channel: general }));
  await refused('invalid_auth', webClient('xoxb-somebody-else').auth.test());
  await refused('not_authed', webClient('').auth.test());
  await refused('unknown_method', client.apiCall('chat.noSuchMethod'));
  await refused('not_allowed_token_type', client.apps.connections.open());
  assert.ok((await webClient(appToken).apps.connections.open()).url.startsWith('ws'));
});

test('a missing scope is named', async (context) => {
  const { settings } = await control('state');
  context.after(() => control('settings', { scopes: settings.scopes }));
  await control('settings', { scopes: settings.scopes.filter((scope) => scope !== 'reactions:write') });
  const answer = await refused('missing_scope', client.reactions.add({ channel: general, timestamp: await say('No.'), name: 'eyes' }));
  assert.equal(answer.needed, 'reactions:write');
  assert.ok(answer.provided.split(',').includes('chat:write'));
});

test('a rate-limited call is retried after the time that was named', async () => {
  await control('faults', { method: 'chat.postMessage', fault: 'rate_limit', count: 1, retry_after_s: 1 });
  const patient = webClient(botToken, { retryConfig: { retries: 1, minTimeout: 1 } });
  const waits = [];
  patient.on('rate_limited', (seconds) => waits.push(seconds));
  const started = Date.now();
  const { ts } = await patient.chat.postMessage({ channel: general, text: 'In the end.' });
  assert.deepEqual(waits, [1]);
  assert.ok(Date.now() - started >= 1_000);
  assert.equal((await thread(general, ts)).length, 1);
});

test('a client that does not wait is told how long it should have', async () => {
  await control('faults', { method: 'chat.postMessage', fault: 'rate_limit', count: 1, retry_after_s: 30 });
  const hasty = webClient(botToken, { rejectRateLimitedCalls: true });
  const error = await refusal(hasty.chat.postMessage({ channel: general, text: 'Now!' }));
  assert.equal(error.code, 'slack_webapi_rate_limited_error');
  assert.equal(error.retryAfter, 30);
});

test('the limit of a method holds, and time lifts it', async (context) => {
  context.after(() => control('settings', { enforce_limits: false }));
  await control('settings', { enforce_limits: true });
  const hasty = webClient(botToken, { rejectRateLimitedCalls: true });
  // The method is of tier 2, with 20 calls a minute.
  const { length: calls } = await untilRefused(() => hasty.conversations.list({ limit: 1 }), 40);
  assert.ok(calls >= 20, `${calls} calls`);
  const { retryAfter } = await refusal(hasty.conversations.list({ limit: 1 }));
  assert.ok(Number.isInteger(retryAfter) && retryAfter >= 1);
  await advance(retryAfter);
  await hasty.conversations.list({ limit: 1 });
});

/** The results of a call that is made until it is refused, at most `calls_max` times. */
async function untilRefused(call, calls_max) {
  const results = [];
  try {
    while (results.length < calls_max) results.push(await call());
  } catch (error) {
    assert.equal(error.code, 'slack_webapi_rate_limited_error');
    return results;
  }
  return assert.fail(`${calls_max} calls were served without a refusal`);
}

test('a call can be applied and fail all the same', async () => {
  const root = await say('Did it work?');
  await control('faults', { method: 'chat.postMessage', fault: 'error_after_applying', count: 1 });
  const error = await refusal(client.chat.postMessage({ channel: general, thread_ts: root, text: 'It did.' }));
  assert.equal(error.code, 'slack_webapi_http_error');
  assert.equal(error.statusCode, 500);
  assert.deepEqual((await thread(general, root)).map((message) => message.text), ['Did it work?', 'It did.']);
});

test('a slow answer runs into the time limit of the client', async () => {
  await control('faults', { method: 'auth.test', fault: 'delay', count: 1, delay_ms: 5_000 });
  const error = await refusal(webClient(botToken, { timeout: 200 }).auth.test());
  assert.equal(error.code, 'slack_webapi_request_error');
});
