// Modals and the Home tab: what the app shows outside of messages.
import { h, iconButton } from './dom.js';
import { drawn } from './blocks.js';
import { Fields } from './inputs.js';

/** The modal that lies on top, in a dialog of the browser's own. */
export class Modal {
  #store;
  #actions;
  #element = h('dialog', { class: 'modal' });
  #drawn = [];
  #fields = new Fields();
  /** What was entered in views that lie below, by their ids. */
  #entered = new Map();
  #view = null;

  constructor({ store, actions }) {
    this.#store = store;
    this.#actions = actions;
    this.#element.addEventListener('cancel', (event) => {
      event.preventDefault();
      if (this.#view) actions.closeView(this.#view);
    });
    document.body.append(this.#element);
  }

  get isOpen() {
    return this.#element.open;
  }

  draw() {
    const view = this.#store.topView();
    const errors = view ? this.#store.errorsOf(view.id) : null;
    const made = [view?.id, view?.hash, errors];
    if (made.every((part, at) => part === this.#drawn[at])) return;
    this.#drawn = made;
    if (this.#view) this.#entered.set(this.#view.id, this.#fields.values());
    this.#view = view;
    if (!view) {
      this.#entered.clear();
      this.#element.close();
      return;
    }
    this.#fill(view, errors ?? {});
    if (!this.#element.open) this.#element.showModal();
  }

  #fill(view, errors) {
    const fields = new Fields(this.#entered.get(view.id));
    this.#fields = fields;
    const context = viewContext(view, { store: this.#store, actions: this.#actions, fields, errors });
    const close = view.previous_view_id ? iconButton('back', 'Back', () => this.#actions.closeView(view)) : iconButton('close', 'Close', () => this.#actions.closeView(view));
    const cancel = h('button', { type: 'button', class: 'button', on: { click: () => this.#actions.closeView(view) } }, view.close?.text ?? 'Cancel');
    const submit = view.submit ? h('button', { type: 'submit', class: 'button primary' }, view.submit.text) : null;
    const form = h(
      'form',
      { novalidate: true, on: { submit: (event) => this.#submit(event, view) } },
      h('header', {}, h('h2', {}, view.title?.text ?? ''), close),
      h('div', { class: 'modal-body body' }, drawn(view.blocks ?? [], context)),
      h('footer', {}, cancel, submit),
    );
    this.#element.replaceChildren(form);
    this.#element.setAttribute('aria-label', view.title?.text ?? 'Dialog');
  }

  #submit(event, view) {
    event.preventDefault();
    const missing = this.#fields.missing();
    if (missing.length > 0) this.#store.setErrors(view.id, Object.fromEntries(missing.map((id) => [id, 'Please fill this in.'])));
    else this.#actions.submitView(view, this.#fields.values());
    this.draw();
  }
}

/** The Home tab of the app, as it was published for who one is. */
export class Home {
  #store;
  #actions;
  #drawn = [];
  element = h('section', { class: 'home body', 'aria-label': 'Home', hidden: true });

  constructor({ store, actions }) {
    this.#store = store;
    this.#actions = actions;
  }

  draw(shown) {
    this.element.hidden = !shown;
    const view = this.#store.home();
    const made = [view?.hash, this.#store.me];
    if (!shown || (this.#drawn.length > 0 && made.every((part, at) => part === this.#drawn[at]))) return;
    this.#drawn = made;
    const context = view && viewContext(view, { store: this.#store, actions: this.#actions, fields: new Fields(), errors: {} });
    const empty = h('p', { class: 'note' }, 'The app has published no Home tab for you.');
    this.element.replaceChildren(...(view ? drawn(view.blocks ?? [], context) : [empty]));
  }
}

function viewContext(view, { store, actions, fields, errors }) {
  const press = (block, part, extra) => actions.pressInView(view, part, { ...extra, values: fields.values() });
  return { names: store.names, people: store.people(), press, fields, errors };
}
