// One message: who, when, what, reactions, its thread, and what can be done with it.
import { h, hue, icon, iconButton } from './dom.js';
import { drawn } from './blocks.js';
import { rendered } from './markdown.js';
import { OFFERED, sign } from './emoji.js';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** When a message was sent. */
export const sentAt = (ts) => new Date(Number(ts) * 1000);

/** A round picture of a person: their initials on a colour of their own. */
export function avatar(person) {
  const initials = person.name.split(/\s+/).map((part) => part[0] ?? '').slice(0, 2).join('').toUpperCase();
  return h('span', { class: `avatar ${person.bot ? 'bot' : `hue-${hue(person.id)}`}`, 'aria-hidden': 'true' }, initials || '?');
}

/**
 * A message's element. `view` has the `store`, the `actions` on messages, whether the message
 * follows one of the same person (`compact`), and whether it stands in its thread (`inThread`).
 */
export function messageElement(message, view) {
  const { store } = view;
  const person = author(message, store);
  const streaming = store.isStreaming(message);
  const element = h(
    'article',
    {
      class: ['message', view.compact && 'compact', streaming && 'streaming', message.ephemeral && 'ephemeral', mentionsMe(message, store) && 'mentions-me'].filter(Boolean).join(' '),
      id: `${view.inThread ? 't' : 'm'}${message.ts}`,
      'data-ts': message.ts,
      tabindex: 0,
      'aria-label': `${person.name}, ${clock.format(sentAt(message.ts))}`,
    },
    h('div', { class: 'gutter' }, view.compact ? time(message) : avatar(person)),
    h(
      'div',
      { class: 'content' },
      view.compact ? null : byline(message, person),
      message.ephemeral ? h('div', { class: 'note' }, 'Only visible to you') : null,
      h('div', { class: 'body' }, body(message, view), message.edited ? h('span', { class: 'edited', title: 'Edited' }, '(edited)') : null),
      files(message),
      reactions(message, view),
      view.inThread ? null : threadLink(message, view),
    ),
    message.subtype === 'tombstone' || message.ephemeral ? null : toolbar(message, view),
  );
  element.addEventListener('keydown', (event) => shortcut(event, message, view));
  return element;
}

function author(message, store) {
  const person = store.person(message.user ?? message.bot_id);
  return message.username ? { ...person, name: message.username, bot: true } : person;
}

const mentionsMe = (message, store) => message.user !== store.me && (message.text ?? '').includes(`<@${store.me}>`);

function byline(message, person) {
  return h(
    'div',
    { class: 'byline' },
    h('span', { class: 'author' }, person.name),
    person.bot ? h('span', { class: 'badge' }, 'app') : null,
    time(message),
  );
}

function time(message) {
  const at = sentAt(message.ts);
  return h('time', { datetime: at.toISOString(), title: exact.format(at) }, clock.format(at));
}

/** The blocks, unless Slack itself made them of the text, in which case the text is drawn. */
function body(message, { store, actions }) {
  const { names } = store;
  if (message.subtype === 'tombstone') return h('p', { class: 'note' }, 'This message was deleted.');
  const blocks = message.blocks ?? [];
  const context = { names, people: store.people(), press: (block, part, extra) => actions.press(message, block, part, extra) };
  const own = blocks.flatMap((block) =>
    made(block) && message.text ? [h('div', { class: 'text' }, rendered(message.text, names, 'mrkdwn'))] : drawn([block], context),
  );
  const texts = own.length > 0 ? own : [h('div', { class: 'text' }, rendered(message.text ?? '', names, 'mrkdwn'))];
  const attached = (message.attachments ?? []).map((attachment) => attachmentElement(attachment, context));
  return [...texts, ...attached];
}

const made = (block) => block.type === 'rich_text' && /^b[0-9a-f]+$/.test(block.block_id ?? '');

function attachmentElement(attachment, context) {
  const text = attachment.text ?? attachment.fallback;
  return h('div', { class: 'attachment' }, attachment.blocks ? drawn(attachment.blocks, context) : h('div', { class: 'text' }, rendered(text ?? '', context.names, 'mrkdwn')));
}

function files(message) {
  const listed = (message.files ?? []).map((file) => h('li', {}, `📎 ${file.title || file.name || file.id}`));
  return listed.length > 0 ? h('ul', { class: 'files' }, listed) : null;
}

// --- Reactions ----------------------------------------------------------------------------------

function reactions(message, { store, actions }) {
  const chips = (message.reactions ?? []).map(({ name, users = [], count }) => {
    const mine = users.includes(store.me);
    const who = users.map((id) => store.person(id).name).join(', ');
    const label = `${who} reacted with :${name}:`;
    return h(
      'button',
      { type: 'button', class: mine ? 'reaction mine' : 'reaction', title: label, 'aria-label': label, 'aria-pressed': mine ? 'true' : 'false', on: { click: () => actions.react(message, name) } },
      h('span', { class: 'emoji' }, sign(name)),
      String(count ?? users.length),
    );
  });
  if (chips.length === 0) return null;
  const add = iconButton('smile', 'Add a reaction', (event) => pickEmoji(event.currentTarget, (name) => actions.react(message, name)), { class: 'reaction add' });
  return h('div', { class: 'reactions' }, chips, add);
}

/** Opens a small picker beside a button. */
export function pickEmoji(anchor, picked) {
  document.querySelector('.picker')?.remove();
  const close = (event) => {
    if (event?.type === 'keydown' && event.key !== 'Escape') return;
    if (event?.type === 'pointerdown' && picker.contains(event.target)) return;
    picker.remove();
    document.removeEventListener('pointerdown', close);
    document.removeEventListener('keydown', close);
    if (event?.type === 'keydown') anchor.focus();
  };
  const choose = (name) => {
    close();
    picked(name);
  };
  const choices = OFFERED.map((name) => h('button', { type: 'button', title: `:${name}:`, 'aria-label': name, on: { click: () => choose(name) } }, sign(name)));
  const picker = h('div', { class: 'picker', role: 'dialog', 'aria-label': 'Reactions' }, choices);
  document.body.append(picker);
  const { left, top, bottom } = anchor.getBoundingClientRect();
  const { width, height } = picker.getBoundingClientRect();
  picker.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  picker.style.top = `${top > height + 12 ? top - height - 6 : bottom + 6}px`;
  document.addEventListener('pointerdown', close);
  document.addEventListener('keydown', close);
  choices[0].focus({ preventScroll: true });
}

// --- Threads and tools --------------------------------------------------------------------------

function threadLink(message, { store, actions, channel }) {
  const status = store.status(channel, message.ts);
  const count = message.reply_count ?? 0;
  if (count === 0 && !status) return null;
  const faces = (message.reply_users ?? []).slice(0, 4).map((id) => avatar(store.person(id)));
  const label = count === 0 ? statusText(status, store) : `${count} ${count === 1 ? 'reply' : 'replies'}`;
  return h(
    'button',
    { type: 'button', class: 'thread-link', on: { click: () => actions.openThread(message) } },
    faces.length > 0 ? h('span', { class: 'faces' }, faces) : null,
    h('span', { class: 'replies' }, label),
    count > 0 && status ? h('span', { class: 'status' }, statusText(status, store)) : null,
    count > 0 && !status ? h('span', { class: 'last' }, `last at ${clock.format(sentAt(message.latest_reply ?? message.ts))}`) : null,
  );
}

/** "is searching…" with the name of who is. */
export function statusText(status, store) {
  const name = store.bot()?.name ?? 'the app';
  return status.toLowerCase().startsWith(name.toLowerCase()) ? status : `${name} ${status}`;
}

function toolbar(message, view) {
  const { store, actions, inThread } = view;
  const mine = message.user === store.me;
  const react = (event) => pickEmoji(event.currentTarget, (name) => actions.react(message, name));
  return h(
    'div',
    { class: 'toolbar', role: 'toolbar', 'aria-label': 'Message' },
    iconButton('smile', 'Add a reaction', react),
    inThread ? null : iconButton('reply', 'Reply in thread', () => actions.openThread(message)),
    mine ? iconButton('edit', 'Edit', () => actions.edit(message, inThread)) : null,
    mine ? iconButton('trash', 'Delete', () => actions.remove(message)) : null,
  );
}

/** Single keys on a focused message, as Slack has them. */
function shortcut(event, message, view) {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  const { store, actions, inThread } = view;
  const mine = message.user === store.me;
  const acts = {
    t: () => actions.openThread(message),
    r: () => pickEmoji(event.currentTarget, (name) => actions.react(message, name)),
    e: () => mine && actions.edit(message, inThread),
    Delete: () => mine && actions.remove(message),
  };
  if (!Object.hasOwn(acts, event.key)) return;
  event.preventDefault();
  acts[event.key]();
}
