// The page of the local Slack: ties the feed, the store and the panes together.
import { api, follow } from './api.js';
import { h, iconButton, notice } from './dom.js';
import { Pane } from './pane.js';
import { drawSidebar } from './sidebar.js';
import { STATUS_MS_MAX, Store } from './store.js';
import { Home, Modal } from './view.js';

const WIDE = matchMedia('(min-width: 60rem)');
/** A thread of one's own opens by itself when an answer to so young a question begins. */
const OWN_QUESTION_SECONDS_MAX = 600;

const store = new Store();
const sidebar = document.getElementById('sidebar');
const main = document.getElementById('main');
const aside = document.getElementById('thread');

/** What stands in the address instead of a thread when the app's Home tab is open. */
const HOME = 'home';

/** What is open: a channel, and maybe a thread in it or the Home tab. */
let open = { channel: '', thread: '' };
/** Changes that came while the whole state was being read. */
let waiting = null;

const actions = {
  /** The message being edited, and whether in its thread: it may be drawn twice. */
  editing: { ts: '', inThread: false },
  redraw: () => draw(),
  openThread: (message) => go(open.channel, message.thread_ts ?? message.ts, true),
  react: (message, name) => attempt(api.react({ channel: open.channel, ts: message.ts, user: store.me, name, ...toggled(message, name) })),
  press: (message, block, part, extra) =>
    attempt(api.press({ channel: open.channel, ts: message.ts, user: store.me, block_id: block.block_id, action_id: part.action_id, ...extra })),
  pressInView: (view, part, extra) => attempt(api.press({ view_id: view.id, user: store.me, action_id: part.action_id, ...extra })),
  submitView: (view, values) => attempt(api.submit({ view_id: view.id, values })),
  closeView: (view) => attempt(api.close({ view_id: view.id })),
  edit: (message, inThread) => {
    actions.editing = { ts: message?.ts ?? '', inThread };
    draw();
  },
  saveEdit: async (message, text) => {
    const saved = await attempt(api.edit({ channel: open.channel, ts: message.ts, user: store.me, text }));
    if (saved) actions.edit(null);
    return saved;
  },
  remove: (message) => {
    if (window.confirm('Delete this message?')) attempt(api.remove({ channel: open.channel, ts: message.ts, user: store.me }));
  },
};

/** A second press of one's own reaction takes it away. */
function toggled(message, name) {
  const mine = (message.reactions ?? []).some((reaction) => reaction.name === name && reaction.users?.includes(store.me));
  return { remove: mine };
}

/** Waits for a call and tells the person when it failed. */
async function attempt(call) {
  try {
    await call;
    return true;
  } catch (error) {
    notice(`That did not work: ${error.message}`);
    return false;
  }
}

/** Sends to what is open; `thread` tells the thread at that moment. A line that begins with `/` is a command. */
const send = (thread) => (text) => {
  const [, command, rest] = text.match(/^(\/[a-z][\w-]*)\s*([^]*)$/) ?? [];
  const place = { channel: open.channel, user: store.me };
  return attempt(command ? api.command({ ...place, command, text: rest }) : api.send({ ...place, text, ...thread() }));
};
const channelPane = new Pane({ store, actions, inThread: false, send: send(() => ({})) });
const threadPane = new Pane({ store, actions, inThread: true, send: send(() => ({ thread_ts: open.thread })) });
const home = new Home({ store, actions });
const modal = new Modal({ store, actions });
main.append(...channelPane.elements, home.element);
aside.append(...threadPane.elements);

// --- Drawing ------------------------------------------------------------------------------------

let drawing = false;

/** Draws once before the next frame, however many changes came. */
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawNow();
  });
}

function drawNow() {
  drawSidebar(sidebar, { store, current: open.channel, become });
  const channel = store.channels.get(open.channel);
  const atHome = Boolean(channel?.is_im) && open.thread === HOME;
  const thread = atHome ? '' : open.thread;
  document.body.dataset.view = channel ? (thread ? 'thread' : 'channel') : 'list';
  aside.hidden = !channel || !thread;
  main.classList.toggle('at-home', atHome);
  if (channel) drawChannel(channel);
  home.draw(atHome);
  if (channel && thread) drawThread(channel);
  modal.draw();
  const unread = [...store.unread.values()].reduce((sum, count) => sum + count, 0);
  document.title = `${unread > 0 ? `(${unread}) ` : ''}${channel ? store.title(channel) : 'Local Slack'} · Local Slack`;
}

function drawChannel(channel) {
  const title = store.title(channel);
  const back = iconButton('back', 'All conversations', () => go('', ''), { class: 'icon-button back' });
  channelPane.draw({
    key: channel.id,
    channel: channel.id,
    messages: store.inChannel(channel.id),
    heading: [back, h('h1', {}, named(channel)), channel.is_im ? tabs(channel) : null].filter(Boolean),
    placeholder: `Message ${named(channel).replace('# ', '#')}`,
    status: channel.is_im ? looseStatus(channel) : '',
    empty: () => welcome(channel),
  });
}

const named = (channel) => (channel.is_im || channel.is_mpim ? store.title(channel) : `# ${channel.name}`);

/** The two sides of the app's direct message. */
function tabs(channel) {
  const tab = (label, thread) => {
    const here = (open.thread === HOME) === (thread === HOME);
    return h('button', { type: 'button', class: 'tab', 'aria-current': here ? 'page' : null, on: { click: () => go(channel.id, thread) } }, label);
  };
  return h('div', { class: 'tabs' }, tab('Messages', ''), tab('Home', HOME));
}

/** A status in a direct message whose root is not shown as a thread yet. */
function looseStatus(channel) {
  const shown = store.statusesIn(channel.id).filter(({ ts }) => !store.message(channel.id, ts) && ts !== open.thread);
  return shown.at(-1)?.status ?? '';
}

function drawThread(channel) {
  const close = iconButton('close', 'Close the thread', () => go(channel.id, ''), { class: 'icon-button close' });
  const back = iconButton('back', 'Back', () => go(channel.id, ''), { class: 'icon-button back' });
  threadPane.draw({
    key: `${channel.id}/${open.thread}`,
    channel: channel.id,
    messages: store.inThread(channel.id, open.thread),
    heading: [back, h('h1', {}, 'Thread', h('span', {}, named(channel))), close],
    placeholder: 'Reply',
    status: store.status(channel.id, open.thread),
    stop: store.isWorking(channel.id, open.thread) ? stop : null,
  });
}

/** Streams end at once; that the work ends is up to the bot. */
async function stop() {
  const asked = await attempt(api.stop({ channel: open.channel, thread_ts: open.thread, user: store.me }));
  if (asked) notice(`${store.bot()?.name ?? 'The app'} was asked to stop.`);
}

const QUESTIONS = ['How are failed events replayed?', 'What happens when a worker crashes?', 'Which PostgreSQL versions are supported?'];

function welcome(channel) {
  const bot = store.bot()?.name ?? 'athenaeum';
  const title = h('p', { class: 'heading level-1' }, 'Nothing has been said here yet');
  if (!store.botIsIn(channel)) return h('div', { class: 'welcome' }, title, h('p', {}, `${bot} is not in this channel and reads nothing here.`));
  const before = channel.is_im ? '' : `@${bot} `;
  const first = channel.is_im ? `Ask ${bot} something.` : `Mention @${bot} to ask something; the answer comes in a thread.`;
  const suggestion = (question) => h('button', { type: 'button', class: 'button', on: { click: () => channelPane.suggest(before + question) } }, question);
  return h('div', { class: 'welcome' }, title, h('p', {}, first), h('div', { class: 'block-actions' }, QUESTIONS.map(suggestion)));
}

// --- Going places -------------------------------------------------------------------------------

/** Opens a channel and maybe a thread; the address keeps it, so that Back works. */
function go(channel, thread, focus = false) {
  const hash = `#${channel}${thread ? `/${thread}` : ''}`;
  if (location.hash === hash) arrive(focus);
  else {
    focusOnArrival = focus;
    location.hash = hash;
  }
}

let focusOnArrival = false;

function arrive(focus) {
  const [channel = '', thread = ''] = decodeURIComponent(location.hash.slice(1)).split('/');
  const seen = store.visibleChannels().some(({ id }) => id === channel);
  const before = open;
  const changed = channel !== open.channel;
  open = seen ? { channel, thread } : { channel: WIDE.matches ? (store.visibleChannels()[0]?.id ?? '') : '', thread: '' };
  if (open.thread && open.thread !== HOME) loadThread(open.channel, open.thread);
  tellHome(before);
  store.unread.delete(open.channel);
  actions.editing = { ts: '', inThread: false };
  drawNow();
  // On a phone the keyboard would cover what one came to read.
  if (!WIDE.matches) return;
  if (open.thread && focus) threadPane.focus();
  else if (changed) channelPane.focus();
}

/** Slack tells the app when a person comes to one of its two tabs. */
function tellHome(before) {
  const tab = open.thread === HOME ? 'home' : 'messages';
  const beforeTab = before.thread === HOME ? 'home' : 'messages';
  const here = store.channels.get(open.channel)?.is_im;
  if (here && (before.channel !== open.channel || tab !== beforeTab)) attempt(api.home({ user: store.me, tab }));
}

/** What a channel shows does not hold its threads' replies. */
async function loadThread(channel, thread) {
  try {
    store.loadThread(channel, (await api.messages(channel, thread)).messages);
    draw();
  } catch (error) {
    notice(`The thread could not be read: ${error.message}`);
  }
}

function become(user) {
  store.me = user;
  sessionStorage.setItem('user', user);
  const channel = store.channels.get(open.channel);
  // Nobody reads another's direct messages: the one with the same bot opens instead.
  const own = channel?.is_im ? store.visibleChannels().find((other) => other.is_im)?.id : open.channel;
  if (own === open.channel) drawNow();
  else go(own ?? '', '');
}

addEventListener('hashchange', () => {
  const focus = focusOnArrival;
  focusOnArrival = false;
  arrive(focus);
});
addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented || modal.isOpen || document.querySelector('.picker')) return;
  if (open.thread) go(open.channel, '');
});
WIDE.addEventListener('change', () => (open.channel ? draw() : arrive(false)));

// --- What comes in ------------------------------------------------------------------------------

async function reload() {
  waiting = [];
  try {
    store.load(await api.state());
    store.me = chosenUser();
    await Promise.all([...store.channels.keys()].map(async (id) => store.loadMessages(id, (await api.messages(id)).messages)));
    store.online = true;
  } catch (error) {
    notice(`The local Slack could not be read: ${error.message}`);
  }
  const missed = waiting;
  waiting = null;
  missed.forEach((change) => store.apply(change));
  arrive(false);
}

function chosenUser() {
  const wanted = new URLSearchParams(location.search).get('user') ?? sessionStorage.getItem('user');
  const people = store.people();
  return (people.find((user) => user.id === wanted || user.name === wanted) ?? people[0])?.id ?? '';
}

function take(change) {
  if (change.type === 'resync') {
    reload();
    return;
  }
  if (waiting) {
    waiting.push(change);
    return;
  }
  store.apply(change);
  if (change.type === 'status' && change.status) setTimeout(draw, STATUS_MS_MAX + 100);
  if (change.type === 'message') count(change);
  if (change.message?.streaming_state === 'in_progress') setTimeout(draw, store.streamMs + 100);
  openOwnThread(change);
  draw();
}

/** Counts what is new elsewhere, but not one's own messages or other people's conversations. */
function count({ channel, message }) {
  const mine = message?.user === store.me || channel === open.channel;
  const visible = store.visibleChannels().some(({ id }) => id === channel);
  if (!mine && visible) store.unread.set(channel, (store.unread.get(channel) ?? 0) + 1);
}

/** Where there is room, the thread opens in which the bot begins to answer one's question. */
function openOwnThread(change) {
  if (!WIDE.matches || open.thread || change.channel !== open.channel) return;
  const root = change.type === 'status' && change.status ? change.thread_ts : change.type === 'message' ? change.message?.thread_ts : null;
  const question = root && store.message(open.channel, root);
  const young = question && Date.now() / 1000 - Number(question.ts) < OWN_QUESTION_SECONDS_MAX;
  if (young && question.user === store.me && change.message?.user !== store.me) go(open.channel, root);
}

follow({
  opened: reload,
  changed: take,
  closed: () => {
    store.online = false;
    draw();
  },
});
