// What can be entered or chosen: the fields of a modal, and the menus of messages and views.
import { h } from './dom.js';

/** The fields of one view. `before` is what was entered in an earlier drawing of it. */
export class Fields {
  #readers = new Map();

  constructor(before = {}) {
    this.before = before;
  }

  add(block, part, read) {
    this.#readers.set(`${block.block_id}\n${part.action_id}`, { block, part, read });
  }

  /** What is entered, as Slack's `state.values`. */
  values() {
    const values = {};
    for (const { block, part, read } of this.#readers.values()) {
      values[block.block_id] = { ...values[block.block_id], [part.action_id]: { type: part.type, ...read() } };
    }
    return values;
  }

  /** The ids of the blocks that must be filled in and are not. */
  missing() {
    const asked = [...this.#readers.values()].filter(({ block }) => block.type === 'input' && !block.optional);
    return asked.filter(({ read }) => !chosen(read())).map(({ block }) => block.block_id);
  }
}

/** The one value of what a control holds, or nothing. */
export function chosen(held) {
  const [value] = Object.values(held);
  if (Array.isArray(value)) return value.map((option) => option.value).join(',');
  return value?.value ?? value ?? '';
}

/**
 * A control and how to read it, or nothing for what is no control here. `held` is what it held
 * before; `context` has the `people` to choose from.
 */
export function control(part, held, context, changed) {
  return Object.hasOwn(CONTROLS, part.type) ? CONTROLS[part.type](part, held ?? {}, context, changed) : null;
}

const CONTROLS = {
  plain_text_input: (part, held, _, changed) => text(part, held, changed, part.multiline ? 'textarea' : 'input'),
  email_text_input: (part, held, _, changed) => text(part, held, changed, 'input', 'email'),
  url_text_input: (part, held, _, changed) => text(part, held, changed, 'input', 'url'),
  number_input: (part, held, _, changed) => text(part, held, changed, 'input', 'number'),
  datepicker: (part, held, _, changed) => picker(part, held, changed, 'date'),
  timepicker: (part, held, _, changed) => picker(part, held, changed, 'time'),
  static_select: (part, held, _, changed) => menu(part, options(part), held.selected_option ?? part.initial_option, changed, (option) => ({ selected_option: option })),
  users_select: (part, held, { people }, changed) => {
    const offered = (people ?? []).map((user) => ({ value: user.id, text: { text: user.real_name || user.name } }));
    return menu(part, offered, { value: held.selected_user ?? part.initial_user }, changed, (option) => ({ selected_user: option?.value ?? null }));
  },
  radio_buttons: (part, held, _, changed) => boxes(part, 'radio', [held.selected_option ?? part.initial_option], changed, ([option]) => ({ selected_option: option ?? null })),
  checkboxes: (part, held, _, changed) => boxes(part, 'checkbox', held.selected_options ?? part.initial_options ?? [], changed, (all) => ({ selected_options: all })),
  multi_static_select: (part, held, _, changed) => boxes(part, 'checkbox', held.selected_options ?? part.initial_options ?? [], changed, (all) => ({ selected_options: all })),
};

const options = (part) => part.options ?? (part.option_groups ?? []).flatMap((group) => group.options ?? []);

function text(part, held, changed, tag, type = 'text') {
  const props = tag === 'textarea' ? { rows: 3 } : { type };
  const limits = { minlength: part.min_length, maxlength: part.max_length, min: part.min_value, max: part.max_value };
  const field = h(tag, { class: 'field', placeholder: part.placeholder?.text, ...props, ...limits, on: { change: changed } });
  field.value = held.value ?? part.initial_value ?? '';
  return { element: field, read: () => ({ value: field.value === '' ? null : field.value }) };
}

function picker(part, held, changed, type) {
  const field = h('input', { class: 'field', type, on: { change: changed } });
  field.value = held[`selected_${type}`] ?? part[`initial_${type}`] ?? '';
  return { element: field, read: () => ({ [`selected_${type}`]: field.value || null }) };
}

function menu(part, offered, held, changed, shape) {
  const hint = part.placeholder?.text ?? 'Choose …';
  const entries = offered.map((option) => h('option', { value: option.value, selected: option.value === held?.value }, option.text?.text ?? option.value));
  const element = h('select', { class: 'button', 'aria-label': hint, on: { change: changed } }, h('option', { value: '' }, hint), entries);
  return { element, read: () => shape(offered[element.selectedIndex - 1] ?? null) };
}

let groups = 0;

function boxes(part, type, held, changed, shape) {
  groups += 1;
  const all = options(part).map((option) => {
    const checked = held.some((one) => one?.value === option.value);
    return { option, box: h('input', { type, name: `group-${groups}`, checked, on: { change: changed } }) };
  });
  const rows = all.map(({ option, box }) => h('label', { class: 'choice' }, box, h('span', {}, option.text?.text ?? option.value, option.description ? h('small', {}, option.description.text) : null)));
  return { element: h('div', { class: 'choices' }, rows), read: () => shape(all.filter(({ box }) => box.checked).map(({ option }) => option)) };
}
