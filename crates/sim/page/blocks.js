// Draws Slack's blocks. What this page does not know it names, instead of leaving it out silently.
import { h, icon } from './dom.js';
import { chosen, control } from './inputs.js';
import { rendered, renderedLine } from './markdown.js';
import { sign } from './emoji.js';

/**
 * The elements of a message's or view's blocks. `context` has `names`, and `press(block, element,
 * extra)` which is called when a person presses or chooses something; in a view also its `fields`,
 * the `errors` by block and the `people` to choose from.
 */
export function drawn(blocks, context) {
  return blocks.map((block) => (Object.hasOwn(KINDS, block.type) ? KINDS[block.type](block, context) : unknown(block.type)));
}

const unknown = (type) => h('p', { class: 'unknown-block' }, `(A block of type “${type}” cannot be shown here.)`);

const KINDS = {
  markdown: (block, { names }) => h('div', { class: 'text' }, rendered(block.text ?? '', names)),
  section: (block, context) =>
    h(
      'div',
      { class: 'block-section' },
      h(
        'div',
        { class: 'block-section-text' },
        block.text ? text(block.text, context) : null,
        block.fields ? h('div', { class: 'block-fields' }, block.fields.map((field) => text(field, context))) : null,
      ),
      block.accessory ? element(block, block.accessory, context) : null,
    ),
  header: (block) => h('p', { class: 'heading level-2', role: 'heading', 'aria-level': 3 }, block.text?.text ?? ''),
  divider: () => h('hr'),
  context: (block, context) => h('div', { class: 'block-context' }, (block.elements ?? []).map((part) => (part.type === 'image' ? image(part) : text(part, context)))),
  actions: (block, context) => h('div', { class: 'block-actions' }, (block.elements ?? []).map((part) => element(block, part, context))),
  context_actions: (block, context) => h('div', { class: 'block-actions quiet' }, (block.elements ?? []).flatMap((part) => element(block, part, context))),
  input: (block, context) => input(block, context),
  image: (block) => image(block),
  rich_text: (block, context) => h('div', { class: 'text' }, (block.elements ?? []).map((part) => richPart(part, context))),
  table: (block, context) => table(block, context),
  task_card: (block, context) => taskCard(block, context),
  plan: (block, context) => plan(block, context),
  alert: (block, context) => h('div', { class: 'block-alert' }, block.text ? text(block.text, context) : ''),
};

function text(object, { names }) {
  if (object.type === 'plain_text') return h('span', { class: 'text plain' }, object.text ?? '');
  return h('div', { class: 'text' }, rendered(object.text ?? '', names, 'mrkdwn'));
}

/** Pictures of other hosts are not fetched: the page talks to the local Slack alone. */
function image(object) {
  const address = object.image_url ?? object.slack_file?.url ?? '';
  const label = object.alt_text || object.title?.text || 'image';
  return /^https?:/.test(address) ? h('a', { href: address, target: '_blank', rel: 'noopener noreferrer nofollow' }, `🖼 ${label}`) : h('span', {}, `🖼 ${label}`);
}

// --- Elements that can be pressed ---------------------------------------------------------------

function element(block, part, context) {
  const made = entered(block, part, context);
  if (made) return made;
  switch (part.type) {
    case 'button':
    case 'workflow_button':
      return button(part.text?.text ?? 'Button', part, () => context.press(block, part, { value: part.value }));
    case 'feedback_buttons':
      return ['positive_button', 'negative_button'].map((which) => feedback(block, part, which, context));
    case 'icon_button':
      return button(part.text?.text ?? part.icon ?? 'Action', part, () => context.press(block, part, { value: part.value }));
    case 'overflow':
      return overflow(block, part, context);
    case 'image':
      return image(part);
    default:
      return unknown(part.type);
  }
}

function button(label, part, press) {
  const style = ['primary', 'danger'].includes(part.style) ? ` ${part.style}` : '';
  const aria = part.accessibility_label ?? null;
  if (/^https?:/.test(part.url ?? '')) {
    return h('a', { class: `button${style}`, href: part.url, target: '_blank', rel: 'noopener noreferrer', 'aria-label': aria, on: { click: press } }, label);
  }
  return h('button', { type: 'button', class: `button${style}`, 'aria-label': aria, on: { click: confirmed(part, press) } }, label);
}

/** Asks first where the block says so. */
const confirmed = (part, press) => () => {
  const { confirm } = part;
  const question = confirm && [confirm.title?.text, confirm.text?.text].filter(Boolean).join('\n\n');
  if (!question || window.confirm(question)) press();
};

function feedback(block, part, which, context) {
  const choice = part[which] ?? {};
  const mark = which === 'positive_button' ? '👍' : '👎';
  const label = choice.accessibility_label ?? choice.text?.text ?? which;
  return h('button', { type: 'button', class: 'button feedback', title: label, 'aria-label': label, on: { click: () => context.press(block, part, { value: choice.value }) } }, mark);
}

function overflow(block, part, context) {
  const options = part.options ?? [];
  const choose = (event) => {
    const selected_option = options[event.target.selectedIndex - 1];
    if (selected_option) context.press(block, part, { value: selected_option.value });
  };
  const entries = options.map((option) => h('option', { value: option.value }, option.text?.text ?? option.value));
  return h('select', { class: 'button', 'aria-label': 'More …', on: { change: choose } }, h('option', { value: '' }, 'More …'), entries);
}

/** A field or menu. The app is told of a choice at once, of what is typed into a form at its end. */
function entered(block, part, context) {
  const told = block.type !== 'input' || block.dispatch_action === true;
  const changed = () => told && context.press(block, part, { value: chosen(made.read()) });
  const held = context.fields?.before[block.block_id]?.[part.action_id];
  const made = control(part, held, context, changed);
  if (made) context.fields?.add(block, part, made.read);
  return made?.element;
}

function input(block, context) {
  const error = context.errors?.[block.block_id];
  return h(
    'label',
    { class: error ? 'block-input wrong' : 'block-input' },
    h('span', { class: 'input-label' }, block.label?.text ?? '', block.optional ? h('small', {}, ' (optional)') : null),
    element(block, block.element ?? {}, context),
    error ? h('span', { class: 'input-error', role: 'alert' }, error) : null,
    block.hint ? h('span', { class: 'note' }, block.hint.text) : null,
  );
}

// --- Rich text ----------------------------------------------------------------------------------

function richPart(part, context) {
  const inner = () => (part.elements ?? []).flatMap((piece) => richPiece(piece, context));
  switch (part.type) {
    case 'rich_text_section':
      return h('p', { class: 'preserved' }, inner());
    case 'rich_text_preformatted':
      return h('pre', { tabindex: 0 }, h('code', {}, inner()));
    case 'rich_text_quote':
      return h('blockquote', {}, h('p', { class: 'preserved' }, inner()));
    case 'rich_text_list': {
      const items = (part.elements ?? []).map((item) => h('li', {}, richPart(item, context)));
      return h(part.style === 'ordered' ? 'ol' : 'ul', { class: `indent-${Math.min(part.indent ?? 0, 4)}` }, items);
    }
    default:
      return unknown(part.type);
  }
}

function richPiece(piece, { names }) {
  switch (piece.type) {
    case 'text':
      return styled(piece.text ?? '', piece.style);
    case 'link':
      return styled(renderedLine(`<${piece.url}|${piece.text ?? piece.url}>`, names), piece.style);
    case 'user':
      return renderedLine(`<@${piece.user_id}>`, names);
    case 'channel':
      return renderedLine(`<#${piece.channel_id}>`, names);
    case 'usergroup':
      return renderedLine(`<!subteam^${piece.usergroup_id}>`, names);
    case 'broadcast':
      return renderedLine(`<!${piece.range}>`, names);
    case 'emoji':
      return [h('span', { class: 'emoji', title: `:${piece.name}:` }, sign(piece.name ?? ''))];
    default:
      return [`(${piece.type})`];
  }
}

function styled(content, style = {}) {
  let nodes = [content].flat();
  for (const [name, tag] of [['code', 'code'], ['strike', 's'], ['italic', 'em'], ['bold', 'strong']]) {
    if (style[name]) nodes = [h(tag, {}, nodes)];
  }
  return nodes;
}

// --- Tables, tasks and plans --------------------------------------------------------------------

function table(block, context) {
  const cell = (object, tag) => h(tag, {}, object?.type === 'rich_text' ? KINDS.rich_text(object, context) : String(object?.text ?? ''));
  const [head = [], ...rows] = block.rows ?? [];
  const whole = h(
    'table',
    {},
    h('thead', {}, h('tr', {}, head.map((object) => cell(object, 'th')))),
    h('tbody', {}, rows.map((row) => h('tr', {}, row.map((object) => cell(object, 'td'))))),
  );
  return h('div', { class: 'table', tabindex: 0 }, whole);
}

const STATES = { pending: 'Waiting', in_progress: 'Working', complete: 'Done', error: 'Failed' };

function taskCard(task, context) {
  const status = Object.hasOwn(STATES, task.status) ? task.status : 'pending';
  const mark = { pending: '', in_progress: '', complete: icon('check'), error: icon('close') }[status];
  const sources = (task.sources ?? []).map((source) => h('li', {}, renderedLine(`<${source.url}|${source.text ?? source.url}>`, context.names)));
  const more = [task.details, task.output].filter(Boolean).map((part) => taskText(part, context));
  const title = h('span', { class: 'task-title' }, task.title ?? 'Task', h('span', { class: 'hidden' }, ` (${STATES[status]})`));
  const row = [h('span', { class: `task-mark ${status}` }, mark), title];
  if (more.length === 0 && sources.length === 0) return h('div', { class: 'task' }, h('div', { class: 'task-row' }, row));
  return h('details', { class: 'task', 'data-keep': `task-${task.task_id ?? task.title}` }, h('summary', { class: 'task-row' }, row), more, sources.length > 0 ? h('ul', { class: 'task-sources' }, sources) : null);
}

const taskText = (part, context) => (typeof part === 'string' ? h('div', { class: 'text task-more' }, rendered(part, context.names)) : h('div', { class: 'task-more' }, KINDS.rich_text(part, context)));

function plan(block, context) {
  const tasks = block.tasks ?? [];
  const done = tasks.filter((task) => task.status === 'complete').length;
  const title = block.title?.text ?? block.title ?? 'Plan';
  return h(
    'details',
    { class: 'plan', open: true, 'data-keep': 'plan' },
    h('summary', {}, h('span', { class: 'plan-title' }, title), h('span', { class: 'plan-count' }, `${done} of ${tasks.length}`)),
    tasks.map((task) => taskCard(task, context)),
  );
}
