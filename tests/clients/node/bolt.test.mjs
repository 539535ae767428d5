// A @slack/bolt app against the local Slack.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import bolt from '@slack/bolt';
import { ada, adaDm, appToken, botToken, botUser, control, general, logLevel, refused, say, slackApiUrl, thread, until, webClient } from './local_slack.mjs';

const client = webClient();
const seen = { edits: [], reactions: [], commands: [], submissions: [], stops: [], errors: [] };
let app;

before(async () => {
  app = new bolt.App({ token: botToken, appToken, socketMode: true, logLevel, clientOptions: { slackApiUrl } });
  app.error(async (error) => seen.errors.push(error));

  app.event('app_mention', async ({ event, say }) => {
    await say({ text: `You said: ${event.text}`, thread_ts: event.thread_ts ?? event.ts });
  });
  app.event('reaction_added', async ({ event }) => seen.reactions.push(event));
  app.message('knock knock', async ({ message, say }) => {
    await say({ text: `Who is there, <@${message.user}>?`, thread_ts: message.ts });
  });
  app.message('word by word', async ({ sayStream, setStatus }) => {
    await setStatus('is writing…');
    const stream = sayStream({ buffer_size: 4 });
    for (const word of ['One ', 'word ', 'after ', 'another.']) await stream.append({ markdown_text: word });
    await stream.stop();
  });
  app.event('message', async ({ event }) => {
    if (event.subtype === 'message_changed') seen.edits.push(event);
  });
  app.action('approve', async ({ ack, action, body, respond }) => {
    await ack();
    await respond({ replace_original: true, text: `${action.value} from ${body.user.id}` });
  });
  app.action('ask_more', async ({ ack, body, client: web }) => {
    await ack();
    const element = { type: 'plain_text_input', action_id: 'it' };
    const input = { type: 'input', block_id: 'what', label: { type: 'plain_text', text: 'What?' }, element };
    const plain = (text) => ({ type: 'plain_text', text });
    const view = { type: 'modal', callback_id: 'more', title: plain('More'), submit: plain('Ask'), blocks: [input] };
    await web.views.open({ trigger_id: body.trigger_id, view });
  });
  app.view('more', async ({ ack, view, body }) => {
    seen.submissions.push({ values: view.state.values, user: body.user.id });
    await ack();
  });
  app.event('app_home_opened', async ({ event, client: web }) => {
    const text = { type: 'mrkdwn', text: `Welcome, <@${event.user}>.` };
    await web.views.publish({ user_id: event.user, view: { type: 'home', blocks: [{ type: 'section', text }] } });
  });
  app.event('agent_session_stopped', async ({ event }) => seen.stops.push(event));
  app.command('/ask', async ({ ack, command, respond }) => {
    await ack();
    await respond({ response_type: 'in_channel', text: `${command.user_name ?? command.user_id} asks: ${command.text}` });
  });
  app.command('/hush', async ({ ack, command }) => {
    seen.commands.push(command);
    await ack('Only you see this.');
  });
  app.assistant(
    new bolt.Assistant({
      threadStarted: async ({ say, setSuggestedPrompts }) => {
        await say('How can I help?');
        await setSuggestedPrompts({ prompts: [{ title: 'Replay', message: 'How is an event replayed?' }] });
      },
      userMessage: async ({ message, say, setStatus, setTitle }) => {
        await setTitle(message.text);
        await setStatus('is thinking…');
        await say(`In this thread: ${message.text}`);
      },
    }),
  );
  await app.start();
});

after(async () => {
  await app.stop();
  assert.deepEqual(seen.errors, []);
});

/** The app's reply in a thread. */
function reply(channel, ts) {
  return until('the app has replied', async () => {
    const messages = await thread(channel, ts);
    return messages.find((message) => message.ts !== ts && message.user === botUser);
  });
}

test('a mention is answered in its thread', async () => {
  const text = `<@${botUser}> are you there?`;
  const ts = await say(text);
  assert.equal((await reply(general, ts)).text, `You said: ${text}`);
});

test('a mention within a thread is answered in that thread', async () => {
  const root = await say('Let us talk.');
  await say(`<@${botUser}> join us`, { thread_ts: root });
  assert.equal((await reply(general, root)).thread_ts, root);
});

test('a message is matched by its text', async () => {
  const ts = await say('knock knock');
  assert.equal((await reply(general, ts)).text, `Who is there, <@${ada}>?`);
});

test('an answer is streamed into the thread of its question', async () => {
  const ts = await say('word by word');
  const streamed = await until('the stream has ended', async () => {
    const messages = await thread(general, ts);
    return messages.find((message) => message.text.endsWith('another.'));
  });
  assert.equal(streamed.text, 'One word after another.');
  assert.equal(streamed.thread_ts, ts);
});

test('an edit and a reaction of a person reach the app', async () => {
  const ts = await say('Frist!');
  await control('edit', { channel: general, ts, text: 'First!' });
  const edit = await until('the edit arrives', () => seen.edits.find((event) => event.message.ts === ts));
  assert.equal(edit.message.text, 'First!');
  assert.equal(edit.previous_message.text, 'Frist!');
  await control('react', { channel: general, ts, user: ada, name: 'tada' });
  const reaction = await until('the reaction arrives', () => seen.reactions.find((event) => event.item.ts === ts));
  assert.deepEqual([reaction.reaction, reaction.user, reaction.item.channel], ['tada', ada, general]);
});

/** Posts a message with one button. */
async function postButton(action_id) {
  const button = { type: 'button', action_id, text: { type: 'plain_text', text: 'Press' }, value: 'Approval' };
  const blocks = [{ type: 'actions', block_id: 'choice', elements: [button] }];
  const { ts } = await client.chat.postMessage({ channel: general, text: 'Press?', blocks });
  return ts;
}

test('a press of a button replaces the message through the response address', async () => {
  const ts = await postButton('approve');
  await control('press', { channel: general, ts, action_id: 'approve', user: ada });
  const replaced = await until('the message is replaced', async () => {
    const [message] = await thread(general, ts);
    return message.text !== 'Press?' && message;
  });
  assert.equal(replaced.text, `Approval from ${ada}`);
});

test('a press of a button opens a modal, which is submitted', async () => {
  const ts = await postButton('ask_more');
  await control('press', { channel: general, ts, action_id: 'ask_more', user: ada });
  const openModal = async () => (await control('state')).views.find(({ view }) => view.callback_id === 'more');
  const { view } = await until('the modal is open', openModal);
  const values = { what: { it: { type: 'plain_text_input', value: 'A lane.' } } };
  await control('submit', { view_id: view.id, values });
  const submission = await until('the submission arrives', () => seen.submissions.at(-1));
  assert.deepEqual(submission, { values, user: ada });
  await until('the modal is closed', async () => !(await openModal()));
});

test('the Home tab is filled when a person opens it', async () => {
  await control('home', { user: ada, tab: 'home' });
  await until('the view is published', async () => {
    const { homes } = await control('state');
    return homes.some((home) => home.user === ada && JSON.stringify(home.view).includes('Welcome'));
  });
});

test('the stop button reaches the app and ends the streams of the session', async () => {
  const thread_ts = await say('Tell me all you know.', { channel: adaDm });
  await client.agents.sessions.setStatus({ channel_id: adaDm, thread_ts, status: 'processing' });
  const stream = client.chatStream({ channel: adaDm, thread_ts, buffer_size: 1 });
  const { ts } = await stream.append({ markdown_text: 'It all began with ' });
  await control('stop', { channel: adaDm, thread_ts, user: ada });
  const stopped = await until('the stop arrives', () => seen.stops.find((event) => event.thread_ts === thread_ts));
  assert.deepEqual([stopped.channel, stopped.user, stopped.streaming_message_ts], [adaDm, ada, [ts]]);
  await refused('stopped_by_user', stream.append({ markdown_text: 'a queue.' }));
});

test('a slash command is answered for all to see', async () => {
  await control('command', { channel: general, user: ada, command: '/ask', text: 'what is a lane?' });
  await until('the answer is in the channel', async () => {
    const { messages } = await client.conversations.history({ channel: general, limit: 5 });
    return messages.some((message) => /asks: what is a lane\?$/.test(message.text));
  });
});

test('a slash command is answered in its acknowledgement', async () => {
  await control('command', { channel: general, user: ada, command: '/hush', text: '' });
  await until('the acknowledgement carries the answer', async () => {
    const { entries } = await control('journal');
    return entries.some((entry) => entry.kind === 'ack' && JSON.stringify(entry).includes('Only you see this.'));
  });
  assert.equal(seen.commands.at(-1).command, '/hush');
});

test('the assistant answers in a thread of a direct message', async () => {
  const root = await say('Hello, assistant.', { channel: adaDm });
  await say('What is a lease?', { channel: adaDm, thread_ts: root });
  assert.equal((await reply(adaDm, root)).text, 'In this thread: What is a lease?');
});
