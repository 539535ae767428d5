// The left side: channels, direct messages, whether the app is connected, and who one is.
import { h, icon } from './dom.js';
import { avatar } from './message.js';

/** Draws the sidebar. `current` is the open channel; `become(user)` changes who one is. */
export function drawSidebar(place, { store, current, become }) {
  const channels = store.visibleChannels();
  const group = (label, members) => [h('h2', {}, label), h('ul', {}, members.map((channel) => entry(channel, store, current)))];
  const direct = (channel) => channel.is_im || channel.is_mpim;
  const named = channels.filter((channel) => !direct(channel) && !channel.is_archived).sort((one, other) => one.name.localeCompare(other.name));
  place.replaceChildren(
    h('header', { class: 'side-heading' }, h('strong', {}, 'Local Slack'), connection(store)),
    h('div', { class: 'side-lists' }, group('Channels', named), group('Direct messages', channels.filter(direct))),
    h('footer', { class: 'side-foot' }, avatar(store.person(store.me)), switcher(store, become)),
  );
}

function entry(channel, store, current) {
  const unread = store.unread.get(channel.id) ?? 0;
  const here = channel.id === current;
  const others = channel.is_mpim ? channel.members.filter((id) => id !== store.me) : [];
  const sign = channel.is_mpim ? h('span', { class: 'avatar hue-2', 'aria-hidden': 'true' }, String(others.length)) : channel.is_im ? avatar(store.person(store.bot()?.id ?? channel.user)) : icon('hash');
  return h(
    'li',
    {},
    h(
      'a',
      { href: `#${channel.id}`, class: unread > 0 ? 'unread' : null, 'aria-current': here ? 'page' : null },
      sign,
      h('span', { class: 'name' }, store.title(channel)),
      unread > 0 ? h('span', { class: 'count', 'aria-label': `${unread} new` }, String(Math.min(unread, 99))) : null,
    ),
  );
}

function connection(store) {
  if (!store.online) return h('span', { class: 'connection off' }, 'reconnecting …');
  if (store.sockets === null) return h('span', { class: 'connection' }, '');
  const bot = store.bot()?.name ?? 'the app';
  const label = store.sockets > 0 ? `${bot} is online` : `${bot} is offline`;
  return h('span', { class: store.sockets > 0 ? 'connection on' : 'connection off', title: `${store.sockets} sockets` }, label);
}

function switcher(store, become) {
  const options = store.people().map((user) => h('option', { value: user.id, selected: user.id === store.me }, user.real_name || user.name));
  return h('label', { class: 'switcher' }, h('span', {}, 'You are'), h('select', { on: { change: (event) => become(event.target.value) } }, options));
}
