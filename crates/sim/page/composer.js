// Where messages are written: Enter sends, Shift+Enter breaks the line, `@` and `#` complete.
import { h, iconButton } from './dom.js';
import { escaped, unescaped } from './markdown.js';

const HEIGHT_PX_MAX = 220;

/**
 * A form to write in. `options`: `store`, `placeholder`, `send(markup)` which tells whether it went
 * well, `leave()` for the upward key in an empty field, and for edits `initial` (markup) and `cancel()`.
 */
export function composer(options) {
  const { store, placeholder, send, leave, initial, cancel } = options;
  const field = h('textarea', { rows: 1, placeholder, 'aria-label': placeholder, autocomplete: 'off', maxlength: 40_000, enterkeyhint: 'send' });
  const submit = h('button', { type: 'submit', class: 'send', title: 'Send (Enter)', 'aria-label': 'Send' });
  submit.append(...iconButton('send', '', () => {}).childNodes);
  const completion = completionOf(field, store);
  const mentionBot = iconButton('at', 'Mention the bot', () => completion.insert(`@${store.bot()?.name ?? ''} `));
  const buttons = cancel
    ? [h('button', { type: 'button', class: 'button', on: { click: cancel } }, 'Cancel'), h('button', { type: 'submit', class: 'button primary' }, 'Save')]
    : [mentionBot, h('span', { class: 'hint' }, 'Shift+Enter for a new line'), submit];
  const form = h('form', { class: cancel ? 'composer editing' : 'composer' }, completion.element, field, h('div', { class: 'composer-buttons' }, buttons));

  const grow = () => {
    field.style.height = 'auto';
    field.style.height = `${Math.min(field.scrollHeight, HEIGHT_PX_MAX)}px`;
    submit.disabled = field.value.trim() === '';
  };
  const trySending = async () => {
    const text = field.value.trim();
    if (text === '') return;
    field.value = '';
    grow();
    // What could not be sent comes back, unless something else was begun meanwhile.
    if (!(await send(toMarkup(text, store))) && field.value === '') field.value = text;
    grow();
  };
  field.addEventListener('input', grow);
  field.addEventListener('keydown', (event) => {
    if (event.isComposing || completion.handles(event)) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      trySending();
    } else if (event.key === 'Escape' && cancel) {
      event.stopPropagation();
      cancel();
    } else if (event.key === 'ArrowUp' && field.value === '' && leave) {
      event.preventDefault();
      leave();
    }
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    trySending();
    field.focus();
  });
  if (initial !== undefined) field.value = fromMarkup(initial, store);
  requestAnimationFrame(grow);
  return {
    element: form,
    focus: () => field.focus({ preventScroll: true }),
    suggest: (text) => {
      field.value = text;
      grow();
      field.focus();
    },
    label: (text) => {
      field.placeholder = text;
      field.setAttribute('aria-label', text);
    },
  };
}

/** Names become ids and addresses stand between brackets, as Slack's own composer sends them. */
function toMarkup(text, store) {
  const users = new Map([...store.users.values()].map((user) => [user.name.toLowerCase(), user.id]));
  const channels = new Map([...store.channels.values()].filter((channel) => channel.name).map((channel) => [channel.name.toLowerCase(), channel.id]));
  return escaped(text)
    .replace(/(?<![\w@/.])@([\w.-]*\w)/g, (whole, name) => (users.has(name.toLowerCase()) ? `<@${users.get(name.toLowerCase())}>` : broadcast(name, whole)))
    .replace(/(?<![\w#/&])#([\w-]+)/g, (whole, name) => (channels.has(name.toLowerCase()) ? `<#${channels.get(name.toLowerCase())}>` : whole))
    .replace(/(?<![\w("'<])https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]}]/g, (address) => `<${address}>`);
}

const broadcast = (name, whole) => (['here', 'channel', 'everyone'].includes(name) ? `<!${name}>` : whole);

function fromMarkup(markup, store) {
  const plain = markup
    .replace(/<@([^<>|]+)(?:\|[^<>]*)?>/g, (_, id) => `@${store.users.get(id)?.name ?? id}`)
    .replace(/<#([^<>|]+)(?:\|[^<>]*)?>/g, (_, id) => `#${store.channels.get(id)?.name ?? id}`)
    .replace(/<!([^<>|]+)(?:\|[^<>]*)?>/g, '@$1')
    .replace(/<((?:https?:\/\/|mailto:)[^<>|]+)(?:\|[^<>]*)?>/g, '$1');
  return unescaped(plain);
}

// --- Completion of names ------------------------------------------------------------------------

const BEGUN = /(?:^|\s)([@#])([\w.-]*)$/;
const SHOWN_MAX = 6;

function completionOf(field, store) {
  const element = h('ul', { class: 'completion', role: 'listbox', 'aria-label': 'Names', hidden: true });
  let found = [];
  let chosen = 0;

  const replaceBegun = (text) => {
    const before = field.value.slice(0, field.selectionStart);
    const start = before.length - (before.match(BEGUN)?.[0].trimStart().length ?? 0);
    field.setRangeText(text, start, field.selectionStart, 'end');
    field.dispatchEvent(new Event('input'));
    field.focus();
  };
  const take = (entry) => {
    replaceBegun(`${entry.mark}${entry.name} `);
    hide();
  };
  const hide = () => {
    element.hidden = true;
    found = [];
  };
  const show = () => {
    const items = found.map((entry, at) =>
      h(
        'li',
        {
          role: 'option',
          'aria-selected': at === chosen ? 'true' : 'false',
          on: {
            pointerdown: (event) => {
              event.preventDefault();
              take(entry);
            },
          },
        },
        h('strong', {}, `${entry.mark}${entry.name}`),
        h('span', {}, entry.label),
      ),
    );
    element.replaceChildren(...items);
    element.hidden = items.length === 0;
  };
  field.addEventListener('input', () => {
    const begun = field.value.slice(0, field.selectionStart).match(BEGUN);
    found = begun ? candidates(store, begun[1], begun[2].toLowerCase()) : [];
    chosen = 0;
    show();
  });
  field.addEventListener('blur', hide);
  const handles = (event) => {
    if (found.length === 0) return false;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (Object.hasOwn(steps, event.key)) chosen = (chosen + steps[event.key] + found.length) % found.length;
    else if (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey)) take(found[chosen]);
    else if (event.key === 'Escape') hide();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    if (found.length > 0) show();
    return true;
  };
  return { element, handles, insert: replaceBegun };
}

/** The bot comes first: it is whom people mention here. */
function candidates(store, mark, begun) {
  const users = [...store.users.values()].map((user) => ({ mark, name: user.name, label: user.real_name ?? '', first: user.is_bot ? 0 : 1 }));
  const channels = [...store.channels.values()].filter((channel) => channel.name && !channel.is_im && !channel.is_mpim).map((channel) => ({ mark, name: channel.name, label: '', first: 0 }));
  const all = mark === '@' ? users : channels;
  const fits = ({ name, label }) => [name, ...label.split(' ')].some((word) => word.toLowerCase().startsWith(begun));
  // A name that is written out needs no completion.
  const open = all.filter((entry) => fits(entry) && entry.name.toLowerCase() !== begun);
  return open.sort((one, other) => one.first - other.first || one.name.localeCompare(other.name)).slice(0, SHOWN_MAX);
}
