// Builds elements. Text only ever becomes text nodes, so nothing a message holds can become markup.

/**
 * An element. `props` holds attributes; `on` in it holds listeners by event name, and attributes
 * that are null, undefined or false are left out. Children are nodes, strings or nothing.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  const { on = {}, ...attributes } = props;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ''));
  return element;
}

/** One of the icons that stand in the page's template. */
export function icon(name) {
  const drawn = document.getElementById('icons').content.querySelector(`[data-icon="${name}"]`).cloneNode(true);
  drawn.setAttribute('aria-hidden', 'true');
  drawn.classList.add('icon');
  return drawn;
}

/** A button that shows an icon and says its label. */
export function iconButton(name, label, click, props = {}) {
  return h('button', { type: 'button', class: 'icon-button', title: label, 'aria-label': label, ...props, on: { click } }, icon(name));
}

/** A short number out of a text, the same every time; avatars take their colour from it. */
export function hue(text) {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % 8;
}

let noticeTimer = 0;

/** Says something at the bottom of the page for some seconds. */
export function notice(text) {
  const place = document.getElementById('notices');
  place.replaceChildren(h('div', { class: 'notice' }, text));
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => place.replaceChildren(), 6000);
}
