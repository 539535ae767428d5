// @slack/socket-mode against the local Slack.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SocketModeClient } from '@slack/socket-mode';
import { advance, appToken, botUser, control, general, logLevel, refusal, say, slackApiUrl, team, until, webClient } from './local_slack.mjs';

/** The time after which the local Slack misses an acknowledgement, in seconds. */
const ACK_DEADLINE_S = 3;

/** The client waits this long before it connects again, and expects the answer to a ping within it. */
const CLIENT_PING_MS = 1_000;

function socketClient(token = appToken) {
  const clientOptions = { slackApiUrl, retryConfig: { retries: 0 } };
  return new SocketModeClient({ appToken: token, logLevel, clientOptions, clientPingTimeout: CLIENT_PING_MS });
}

/** A client, connected until the test ends, that keeps the envelopes it hears as the SDK hands them out. */
async function listen(context, { acks = true } = {}) {
  const client = socketClient();
  const heard = [];
  client.on('slack_event', async (envelope) => {
    heard.push(envelope);
    if (acks) await envelope.ack();
  });
  context.after(() => client.disconnect());
  await client.start();
  return { client, heard };
}

/** The envelopes that carry this text. */
const about = (heard, text) => heard.filter((envelope) => JSON.stringify(envelope.body).includes(text));

/** A sentence no other test says. */
let sentences = 0;
const sentence = () => `sentence ${(sentences += 1)} of ${process.pid}.`;

test('the connection opens with a hello that names the app', async (context) => {
  const client = socketClient();
  context.after(() => client.disconnect());
  const frames = [];
  client.on('ws_message', (frame) => frames.push(JSON.parse(frame)));
  await client.start();
  const [hello] = frames;
  assert.equal(hello.type, 'hello');
  assert.equal(hello.num_connections, 1);
  assert.equal(hello.connection_info.app_id, 'A0ATHENA');
  assert.equal(typeof hello.debug_info.host, 'string');
  assert.equal(typeof hello.debug_info.approximate_connection_time, 'number');
});

test('a mention arrives in an events_api envelope and is acknowledged', async (context) => {
  const { client, heard } = await listen(context);
  const text = `<@${botUser}> ${sentence()}`;
  const ts = await say(text);
  const mention = await until('the mention arrives', () => heard.find(({ body }) => body.event?.type === 'app_mention' && body.event.ts === ts));
  assert.equal(mention.type, 'events_api');
  assert.equal(mention.accepts_response_payload, false);
  const { body } = mention;
  assert.equal(body.type, 'event_callback');
  assert.equal(body.team_id, team);
  assert.match(body.event_id, /^Ev/);
  assert.equal(typeof body.event_time, 'number');
  assert.equal(body.authorizations[0].user_id, botUser);
  assert.equal(body.event.channel, general);
  assert.equal(body.event.text, text);
  assert.equal(body.event.event_ts, ts);
  // The same message comes as a `message` event, too, with an id of its own.
  const twin = await until('its twin arrives', () => heard.find((each) => each.body.event?.type === 'message' && each.body.event.ts === ts));
  assert.notEqual(twin.body.event_id, body.event_id);
  assert.equal(twin.body.event.channel_type, 'channel');
  await until('both are acknowledged', async () => (await acknowledged(mention)) && acknowledged(twin));
  await advance(ACK_DEADLINE_S + 400);
  assert.equal(about(heard, text).length, 2, 'what is acknowledged is not sent again');
});

test('what is not acknowledged is sent again: at once, after a minute, after five', async (context) => {
  const { client, heard } = await listen(context, { acks: false });
  const text = sentence();
  await say(text);
  const tries = async (count) => until(`try ${count} arrives`, () => about(heard, text).length >= count);
  await tries(1);
  for (const [count, pause] of [[2, 0], [3, 60], [4, 300]]) {
    await advance(ACK_DEADLINE_S + pause);
    await tries(count);
  }
  const found = about(heard, text);
  assert.deepEqual(found.map((envelope) => envelope.retry_num ?? 0), [0, 1, 2, 3]);
  assert.equal(found[1].retry_reason, 'timeout');
  assert.equal(new Set(found.map((envelope) => envelope.body.event_id)).size, 1);
  await found[3].ack();
  await until('the last is acknowledged', () => acknowledged(found[3]));
});

test('a client that is asked to refresh connects again and misses nothing', async (context) => {
  const { client, heard } = await listen(context);
  let connections = 0;
  client.on('connected', () => (connections += 1));
  const texts = [];
  const speak = async () => {
    texts.push(sentence());
    await say(texts.at(-1));
  };
  await speak();
  await control('sockets', { action: 'disconnect', reason: 'refresh_requested' });
  // This client closes its connection before it opens the next, so these meet a closed door.
  for (let count = 0; count < 10; count += 1) await speak();
  await until('the client is connected again', () => connections >= 1);
  await speak();
  await everythingArrives(heard, texts);
});

test('a client whose connection is cut connects again and misses nothing', async (context) => {
  const { client, heard } = await listen(context);
  const texts = [sentence(), sentence()];
  await control('sockets', { action: 'drop' });
  await say(texts[0]);
  await until('the client is connected again', () => client.websocket?.isActive());
  await say(texts[1]);
  await everythingArrives(heard, texts);
});

test('a client notices a connection that is half open', async (context) => {
  const { client, heard } = await listen(context);
  // To the local Slack it still looks open, and would get its share of what the next tests send.
  context.after(() => control('sockets', { action: 'drop' }));
  await control('sockets', { action: 'half_open' });
  const text = sentence();
  await say(text);
  await until('the client has given the connection up', () => !client.websocket?.isActive());
  await until('the client is connected again', () => client.websocket?.isActive());
  await everythingArrives(heard, [text]);
});

test('each event goes to one of several connections', async (context) => {
  const first = await listen(context);
  const second = await listen(context);
  const texts = Array.from({ length: 10 }, sentence);
  for (const text of texts) await say(text);
  const both = () => [...first.heard, ...second.heard];
  await until('all have arrived', () => texts.every((text) => about(both(), text).length > 0));
  for (const text of texts) assert.equal(about(both(), text).length, 1);
});

test('an eleventh connection is refused', async (context) => {
  const ten = await Promise.all(Array.from({ length: 10 }, () => listen(context)));
  const eleventh = new SocketModeClient({ appToken, logLevel, clientOptions: { slackApiUrl }, autoReconnectEnabled: false });
  const frames = [];
  eleventh.on('ws_message', (frame) => frames.push(JSON.parse(frame)));
  await eleventh.start().catch(() => {});
  assert.deepEqual(frames.map(({ type, reason }) => [type, reason]), [['disconnect', 'too_many_websockets']]);
  assert.ok(ten.every(({ client }) => client.websocket.isActive()));
});

test('a frame that cannot be read disturbs no other', async (context) => {
  const { heard } = await listen(context);
  const text = sentence();
  await control('raw', { frame: '{"type":"events_api","envelope_id":' });
  await say(text);
  await until('the message arrives', () => about(heard, text).length > 0);
});

test('a slash command is answered in its acknowledgement', async (context) => {
  const { client } = await listen(context, { acks: false });
  const command = new Promise((resolve) => client.once('slash_commands', resolve));
  await control('command', { channel: general, user: 'U0ADA', command: '/ask', text: 'How are you?' });
  const { ack, body, envelope_id, accepts_response_payload } = await command;
  assert.equal(accepts_response_payload, true);
  assert.equal(body.command, '/ask');
  assert.equal(body.text, 'How are you?');
  assert.equal(body.user_id, 'U0ADA');
  assert.equal(body.channel_id, general);
  assert.match(body.response_url, /^https?:/);
  await ack({ text: 'Well, thank you.' });
  const entry = await until('the acknowledgement is in the journal', () => acknowledged({ envelope_id }));
  assert.ok(JSON.stringify(entry).includes('Well, thank you.'));
});

test('a button press arrives in an interactive envelope', async (context) => {
  const { client } = await listen(context, { acks: false });
  const button = { type: 'button', action_id: 'approve', text: { type: 'plain_text', text: 'Approve' }, value: 'yes' };
  const blocks = [{ type: 'actions', block_id: 'choice', elements: [button] }];
  const { ts } = await webClient().chat.postMessage({ channel: general, text: 'Approve?', blocks });
  const press = new Promise((resolve) => client.once('interactive', resolve));
  await control('press', { channel: general, ts, action_id: 'approve', user: 'U0ADA' });
  const envelope = await press;
  const { body } = envelope;
  assert.equal(body.type, 'block_actions');
  assert.equal(body.user.id, 'U0ADA');
  assert.equal(body.channel.id, general);
  assert.equal(body.message.ts, ts);
  assert.equal(body.container.message_ts, ts);
  const [action] = body.actions;
  assert.deepEqual([action.action_id, action.block_id, action.value, action.type], ['approve', 'choice', 'yes', 'button']);
  assert.ok(body.trigger_id && body.response_url);
  await envelope.ack();
  await until('the press is acknowledged', () => acknowledged(envelope));
});

test('a client with a wrong token gives up', async () => {
  const client = socketClient('xapp-somebody-else');
  const error = await refusal(client.start());
  assert.equal(error.data.error, 'invalid_auth');
});

/** The journal's entry of an envelope's acknowledgement, if there is one. */
async function acknowledged({ envelope_id }) {
  const { entries } = await control('journal');
  return entries.find((entry) => entry.kind === 'ack' && entry.envelope_id === envelope_id);
}

/** What was sent while nobody listened is sent again when its time has come. */
async function everythingArrives(heard, texts) {
  await until('everything has arrived', async () => {
    if (texts.every((text) => about(heard, text).length > 0)) return true;
    await advance(ACK_DEADLINE_S + 60);
    return false;
  });
  const seen = new Set(heard.map(({ body }) => body.event?.text));
  for (const text of texts) assert.ok(seen.has(text), text);
}
