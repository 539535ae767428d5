// A list of messages with its heading and its composer: a channel, or a thread.
import { h, icon } from './dom.js';
import { composer } from './composer.js';
import { avatar, messageElement, sentAt, statusText } from './message.js';

/** Messages of one person within this time are drawn together. */
const TOGETHER_SECONDS_MAX = 300;
/** Messages drawn at once; a button brings earlier ones. */
const SHOWN_STEP = 200;
/** So near to the end, the list follows what is new. */
const END_PX = 80;

const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

export class Pane {
  #store;
  #actions;
  #inThread;
  #drawn = new Map();
  #shown = SHOWN_STEP;
  #key = '';
  #list = h('div', { class: 'list', role: 'log', 'aria-live': 'polite', 'aria-label': 'Messages' });
  #status = h('div', { class: 'status-line', role: 'status' });
  #newer = h('button', { type: 'button', class: 'newer', hidden: true, on: { click: () => this.toEnd() } }, icon('down'), 'New messages');
  #heading = h('header', { class: 'pane-heading' });
  #scroller;
  #composer;

  constructor({ store, actions, inThread, send }) {
    this.#store = store;
    this.#actions = actions;
    this.#inThread = inThread;
    this.#composer = composer({ store, placeholder: 'Message', send, leave: () => this.#focusLast() });
    this.#scroller = h('div', { class: 'scroller', on: { scroll: () => this.#followed(), keydown: (event) => this.#arrows(event) } }, this.#list);
    this.elements = [this.#heading, this.#scroller, h('div', { class: 'pane-foot' }, this.#newer, this.#status, this.#composer.element)];
  }

  /** Draws the pane. `heading` holds elements, `empty` makes what an empty channel shows; `stop` stops the bot while it works. */
  draw({ key, channel, messages, heading, placeholder, status, stop, empty }) {
    const fresh = key !== this.#key;
    if (fresh) {
      this.#key = key;
      this.#shown = SHOWN_STEP;
      this.#drawn.clear();
      this.#list.replaceChildren();
    }
    const atEnd = fresh || this.#atEnd();
    this.#heading.replaceChildren(...heading);
    this.#composer.label(placeholder);
    this.#drawStatus(status || (stop ? 'is working…' : ''), stop);
    const shown = messages.slice(-this.#shown);
    const grown = this.#drawMessages(channel, shown, messages.length > shown.length, empty);
    if (atEnd) this.toEnd();
    else if (grown) this.#newer.hidden = false;
  }

  focus() {
    this.#composer.focus();
  }

  suggest(text) {
    this.#composer.suggest(text);
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#newer.hidden = true;
  }

  /** Reuses the elements of what has not changed; true when a message came at the end. */
  #drawMessages(channel, messages, more, empty) {
    const before = this.#drawn;
    const lastBefore = [...before.keys()].filter((key) => !key.startsWith('day')).at(-1);
    this.#drawn = new Map();
    let previous = null;
    for (const message of messages) {
      const date = sentAt(message.ts).toDateString();
      if (!previous || sentAt(previous.ts).toDateString() !== date) {
        this.#keep(before, `day ${date}`, [date], () => dayElement(message.ts));
        previous = null;
      }
      const compact = previous !== null && together(previous, message);
      const { editing: edited } = this.#actions;
      const editing = edited.ts === message.ts && edited.inThread === this.#inThread;
      const made = [message, compact, editing, this.#store.me, this.#store.users, this.#store.isStreaming(message), this.#store.status(channel, message.ts)];
      const view = { store: this.#store, actions: this.#actions, channel, compact, inThread: this.#inThread };
      this.#keep(before, message.ts, made, () => (editing ? this.#editor(message) : messageElement(message, view)));
      previous = message;
    }
    const elements = [...this.#drawn.values()].map(({ element }) => element);
    if (more) elements.unshift(h('button', { type: 'button', class: 'button earlier', on: { click: () => this.#earlier() } }, 'Show earlier messages'));
    if (messages.length === 0 && empty) elements.push(empty());
    placed(this.#list, elements);
    const last = messages.at(-1)?.ts;
    return last !== undefined && lastBefore !== undefined && Number(last) > Number(lastBefore);
  }

  #keep(before, key, made, draw) {
    const old = before.get(key);
    if (old && old.made.every((part, at) => part === made[at])) {
      this.#drawn.set(key, old);
      return;
    }
    const element = draw();
    if (old) handOver(old.element, element);
    this.#drawn.set(key, { made, element });
  }

  #editor(message) {
    const writing = composer({
      store: this.#store,
      placeholder: 'Edit the message',
      initial: message.text,
      send: (text) => this.#actions.saveEdit(message, text),
      cancel: () => this.#actions.edit(null),
    });
    requestAnimationFrame(() => writing.focus());
    return h('article', { class: 'message editing' }, h('div', { class: 'gutter' }, avatar(this.#store.person(message.user))), h('div', { class: 'content' }, writing.element));
  }

  #drawStatus(status, stop) {
    const text = status ? statusText(status, this.#store) : '';
    const drawn = `${text}/${Boolean(stop)}`;
    if (this.#status.dataset.drawn === drawn) return;
    this.#status.dataset.drawn = drawn;
    const dots = h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
    const button = stop && h('button', { type: 'button', class: 'button stop', on: { click: stop } }, 'Stop');
    this.#status.replaceChildren(...(text ? [dots, h('span', {}, text)] : []), ...(button ? [button] : []));
  }

  #earlier() {
    this.#shown += SHOWN_STEP;
    this.#actions.redraw();
  }

  #atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < END_PX;
  }

  #followed() {
    if (this.#atEnd()) this.#newer.hidden = true;
  }

  /** Up and down go from message to message. */
  #arrows(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const here = event.target.closest('article.message');
    if (!step || !here || event.target !== here) return;
    const all = [...this.#list.querySelectorAll('article.message')];
    const next = all[all.indexOf(here) + step];
    event.preventDefault();
    if (next) next.focus();
    else if (step > 0) this.focus();
  }

  /** Goes to the last message, from where the arrows lead on. */
  #focusLast() {
    [...this.#list.querySelectorAll('article.message')].at(-1)?.focus();
  }
}

function dayElement(ts) {
  const at = sentAt(ts);
  const today = at.toDateString() === new Date().toDateString();
  return h('div', { class: 'day', role: 'separator' }, h('span', {}, today ? 'Today' : day.format(at)));
}

function together(previous, message) {
  const near = Number(message.ts) - Number(previous.ts) < TOGETHER_SECONDS_MAX;
  return near && previous.user === message.user && previous.username === message.username && !message.subtype && !previous.reply_count && !message.reply_count;
}

/** A redrawn message keeps the focus, and what was opened or closed in it. */
function handOver(old, element) {
  for (const kept of old.querySelectorAll('details[data-keep]')) {
    const same = [...element.querySelectorAll('details[data-keep]')].find((details) => details.dataset.keep === kept.dataset.keep);
    if (same) same.open = kept.open;
  }
  if (old === document.activeElement) requestAnimationFrame(() => element.focus({ preventScroll: true }));
}

/** Puts the elements into the list in their order and moves no more than it must. */
function placed(list, elements) {
  const wanted = new Set(elements);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  elements.forEach((element, at) => {
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
  });
}
