// Reads a message's markup and builds elements from it: Markdown, or Slack's older `mrkdwn`.
// Nothing is ever parsed as HTML, and links lead only to the web or to a mail program.
import { h } from './dom.js';
import { known, sign } from './emoji.js';

/** Longer texts are shown in full but without markup; Slack itself cuts at 40,000 characters. */
const CHARACTERS_MAX = 40_000;
/** Emphasis within emphasis, and lists and quotations within each other, end here. */
const DEPTH_MAX = 6;

/** The elements of a text. `names` tells users' and channels' names; `dialect` is `markdown` or `mrkdwn`. */
export function rendered(text, names, dialect = 'markdown') {
  const fragment = document.createDocumentFragment();
  if (text.length > CHARACTERS_MAX) {
    fragment.append(h('pre', {}, text));
    return fragment;
  }
  fragment.append(...blocks(text.replace(/\r\n?/g, '\n').split('\n'), { names, dialect, level: 0 }));
  return fragment;
}

/** The elements of one line. */
export const renderedLine = (text, names, dialect = 'markdown') => inline(text, { names, dialect }, 0);

const FENCE = /^\s*(```+|~~~+)\s*([\w+-]*)\s*$/;
const HEADING = /^(#{1,6})\s+(.+?)\s*#*$/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+•]|\d{1,9}[.)])\s+(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function blocks(lines, context) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    const reader = [code, heading, rule, quote, table, list, paragraph].find((read) => read.begins(lines, at, context));
    if (!reader) {
      at += 1;
      continue;
    }
    const [element, next] = reader(lines, at, context);
    found.push(element);
    at = next;
  }
  return found;
}

const deeper = (context) => ({ ...context, level: context.level + 1 });

function code(lines, at) {
  const [, mark] = lines[at].match(FENCE);
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== mark) end += 1;
  return [h('pre', { tabindex: 0 }, h('code', {}, unescaped(lines.slice(at + 1, end).join('\n')))), end + 1];
}
code.begins = (lines, at) => FENCE.test(lines[at]);

function heading(lines, at, context) {
  const [, marks, text] = lines[at].match(HEADING);
  return [h('p', { class: `heading level-${marks.length}`, role: 'heading', 'aria-level': marks.length + 2 }, inline(text, context, 0)), at + 1];
}
heading.begins = (lines, at, { dialect }) => dialect === 'markdown' && HEADING.test(lines[at]);

function rule(lines, at) {
  return [h('hr'), at + 1];
}
rule.begins = (lines, at, { dialect }) => dialect === 'markdown' && RULE.test(lines[at]);

const QUOTED = /^\s*(?:>|&gt;)\s?/;

function quote(lines, at, context) {
  let end = at;
  while (end < lines.length && QUOTED.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTED, ''));
  return [h('blockquote', {}, blocks(inner, deeper(context))), end];
}
quote.begins = (lines, at, { level }) => level < DEPTH_MAX && QUOTED.test(lines[at]);

const cells = (line) => line.trim().replace(/^\||\|$/g, '').split('|').map((cell) => cell.trim());

function table(lines, at, context) {
  const row = (line, tag) => h('tr', {}, cells(line).map((cell) => h(tag, {}, inline(cell, context, 0))));
  let end = at + 2;
  while (end < lines.length && lines[end].includes('|')) end += 1;
  const body = lines.slice(at + 2, end).map((line) => row(line, 'td'));
  const whole = h('table', {}, h('thead', {}, row(lines[at], 'th')), h('tbody', {}, body));
  return [h('div', { class: 'table', tabindex: 0 }, whole), end];
}
table.begins = (lines, at) =>
  lines[at].includes('|') && at + 1 < lines.length && lines[at + 1].includes('-') && TABLE_RULE.test(lines[at + 1]);

/** A list and what is indented under its items, which may be lists again. */
function list(lines, at, context) {
  const [, indent, mark] = lines[at].match(ITEM);
  const ordered = /\d/.test(mark);
  const root = h(ordered ? 'ol' : 'ul', { start: ordered && parseInt(mark, 10) !== 1 ? parseInt(mark, 10) : null });
  let next = at;
  while (next < lines.length) {
    const item = lines[next].match(ITEM);
    if (!item || item[1].length > indent.length + 1 || /\d/.test(item[2]) !== ordered) break;
    const inner = [item[3]];
    next += 1;
    while (next < lines.length && belongs(lines, next, indent.length)) {
      inner.push(lines[next].slice(Math.min(indent.length + 2, lines[next].search(/\S|$/))));
      next += 1;
    }
    root.append(h('li', {}, tight(blocks(inner, deeper(context)))));
  }
  return [root, next];
}
list.begins = (lines, at, { level }) => level < DEPTH_MAX && ITEM.test(lines[at]) && !RULE.test(lines[at]);

function belongs(lines, at, indent) {
  const indented = (line) => line.search(/\S/) > indent;
  if (lines[at].trim() !== '') return indented(lines[at]);
  return at + 1 < lines.length && lines[at + 1].trim() !== '' && indented(lines[at + 1]);
}

/** An item's only paragraph needs no element of its own. */
const tight = (elements) => elements.flatMap((element, at) => (at === 0 && element.matches('p:not(.heading)') ? [...element.childNodes] : [element]));

function paragraph(lines, at, context) {
  const others = [code, heading, rule, quote, table, list];
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== '' && !others.some((other) => other.begins(lines, end, context))) end += 1;
  const parts = lines.slice(at, end).flatMap((line, index) => (index === 0 ? inline(line, context, 0) : [h('br'), ...inline(line, context, 0)]));
  return [h('p', {}, parts), end];
}
paragraph.begins = (lines, at) => lines[at].trim() !== '';

// Each rule stands at the reading position; the first that matches there is taken.
const RULES = [
  [/\\([\\`*_{}[\]()#+.!|~<>-])/y, (match) => [match[1]]],
  [/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/y, (match) => [h('code', {}, unescaped(match[2].trim() || match[2]))]],
  [/<(@|#|!)([^<>|\s]+)(?:\|([^<>]*))?>/y, mention],
  [/<((?:https?:\/\/|mailto:)[^<>|\s]+)(?:\|([^<>]*))?>/y, (match, context) => [link(match[1], [unescaped(match[2] || plainAddress(match[1]))], context)]],
  [/!?\[([^\]\n]+)\]\(\s*<?([^\s()<>]+(?:\([^\s()]*\)[^\s()<>]*)?)>?(?:\s+"[^"]*")?\s*\)/y, (match, context, depth) => [link(match[2], inline(match[1], context, depth + 1), context)]],
  [/\[(\d{1,3})\]/y, (match) => [h('span', { class: 'cite', title: `Source ${match[1]}` }, match[1])]],
  [/https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]}]/y, (match, context) => [link(match[0], [plainAddress(match[0])], context)]],
  [/\*\*\*(?=\S)(.+?)(?<=\S)\*\*\*/y, (match, context, depth) => [h('strong', {}, h('em', {}, inline(match[1], context, depth + 1)))]],
  [/(\*\*|__)(?=\S)(.+?)(?<=\S)\1/y, (match, context, depth) => [h('strong', {}, inline(match[2], context, depth + 1))]],
  [/~~(?=\S)(.+?)(?<=\S)~~/y, (match, context, depth) => [h('s', {}, inline(match[1], context, depth + 1))]],
  [/\*(?=[^\s*])([^*]+?)(?<=\S)\*(?![\w*])/y, (match, context, depth) => [h(context.dialect === 'mrkdwn' ? 'strong' : 'em', {}, inline(match[1], context, depth + 1))]],
  [/(?<![\p{L}\d_])_(?=[^\s_])(.+?)(?<=\S)_(?![\p{L}\d_])/uy, (match, context, depth) => [h('em', {}, inline(match[1], context, depth + 1))]],
  [/~(?=[^\s~])([^~]+?)(?<=\S)~(?![\w~])/y, (match, context, depth) => [h('s', {}, inline(match[1], context, depth + 1))]],
  [/:([a-z0-9_+-]+(?:::skin-tone-\d)?):/y, (match) => (known(match[1]) ? [h('span', { class: 'emoji', title: match[0] }, sign(match[1]))] : null)],
  [/&(lt|gt|amp);/y, (match) => [unescaped(match[0])]],
];

/** Where a rule could begin; everything before it is plain. */
const BEGINNINGS = /[\\`<![*_~:&]|https?:/g;

function inline(text, context, depth) {
  if (depth > DEPTH_MAX) return [text];
  const parts = [];
  let plain = 0;
  let at = 0;
  while (at < text.length) {
    BEGINNINGS.lastIndex = at;
    const beginning = BEGINNINGS.exec(text);
    if (!beginning) break;
    at = beginning.index;
    const [found, length] = applied(text, at, context, depth);
    if (found) {
      parts.push(text.slice(plain, at), ...found);
      plain = at + length;
    }
    at += length;
  }
  parts.push(text.slice(plain));
  return parts.filter((part) => part !== '');
}

function applied(text, at, context, depth) {
  for (const [pattern, build] of RULES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    const built = match && build(match, context, depth);
    if (built) return [built, match[0].length];
  }
  return [null, 1];
}

function mention([whole, kind, id, label], { names }) {
  if (kind === '@') return [h('span', { class: names.isMe(id) ? 'mention me' : 'mention' }, `@${names.user(id) ?? label ?? id}`)];
  if (kind === '#') return [h('a', { class: 'mention', href: `#${id}` }, `#${names.channel(id) ?? label ?? id}`)];
  if (id === 'here' || id === 'channel' || id === 'everyone') return [h('span', { class: 'mention me' }, `@${id}`)];
  if (id.startsWith('subteam^')) return [h('span', { class: 'mention' }, names.group?.(id.slice(8)) ?? label ?? id)];
  return [label ? unescaped(label) : whole];
}

function link(address, children) {
  const target = unescaped(address);
  if (!/^(https?:\/\/|mailto:)/i.test(target)) return h('span', { class: 'dead-link', title: target }, children);
  return h('a', { href: target, target: '_blank', rel: 'noopener noreferrer nofollow' }, children);
}

const plainAddress = (address) => unescaped(address.replace(/^mailto:/, ''));

/** Slack writes these three, and no others, as entities. */
export const unescaped = (text) => text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');

/** What a person typed, as Slack would send it on: entities, and addresses between brackets. */
export const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
