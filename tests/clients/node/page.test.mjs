// The page of the local Slack: what its script makes of the texts that people and apps send.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { slackUrl } from './local_slack.mjs';

/** Drawing takes milliseconds; only work that grows too fast with the text reaches this, on any machine. */
const SLOW_MS_MIN = 5_000;

/** As little of a browser's document as the drawing of texts needs. */
class Element {
  constructor(tag) {
    this.tag = tag;
    this.attributes = {};
    this.childNodes = [];
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  addEventListener() {}
  append(...children) {
    this.childNodes.push(...children.flatMap((child) => (child.tag === '#fragment' ? child.childNodes : [child])));
  }
  matches() {
    return this.tag === 'p' && !this.attributes.class;
  }
}

let folder;
let inputs;
let markdown;

before(async () => {
  globalThis.document = {
    createElement: (tag) => new Element(tag),
    createDocumentFragment: () => new Element('#fragment'),
  };
  folder = await mkdtemp(join(tmpdir(), 'page-'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  for (const file of ['dom.js', 'emoji.js', 'inputs.js', 'markdown.js']) {
    const response = await fetch(`${slackUrl}/${file}`);
    assert.equal(response.headers.get('content-type'), 'text/javascript; charset=utf-8');
    await writeFile(join(folder, file), await response.text());
  }
  markdown = await import(pathToFileURL(join(folder, 'markdown.js')));
  inputs = await import(pathToFileURL(join(folder, 'inputs.js')));
});
after(() => rm(folder, { recursive: true }));

const names = { user: (id) => ({ U0ADA: 'ada' })[id], channel: (id) => ({ C0GENERAL: 'general' })[id], isMe: (id) => id === 'U0ADA' };

/** A short way to write elements: `p(a strong(b))`. */
function drawn(text, dialect) {
  const written = (node) => (typeof node === 'string' ? node : `${node.tag}(${node.childNodes.map(written).join('')})`);
  return markdown.rendered(text, names, dialect).childNodes.map(written).join('');
}

function elements(node) {
  return typeof node === 'string' ? [] : [node, ...node.childNodes.flatMap(elements)];
}

test('the page is served with a policy that forbids inline scripts', async () => {
  const response = await fetch(`${slackUrl}/`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-security-policy'), /script-src 'self';/);
  assert.doesNotMatch(await response.text(), /<script>|onclick=|style=/);
  assert.equal((await fetch(`${slackUrl}/no-such-file.js`)).status, 404);
});

test('Markdown becomes elements', () => {
  for (const [text, expected] of [
    ['**bold**, *italic*, _too_, ~~gone~~, `code *x*`', 'p(strong(bold), em(italic), em(too), s(gone), code(code *x*))'],
    ['one\ntwo\n\nthree', 'p(onebr()two)p(three)'],
    ['# Title', 'p(Title)'],
    ['- a\n- b\n  - c\n\n1. d', 'ul(li(a)li(bul(li(c))))ol(li(d))'],
    ['```sh\na **b**\n\nc\n```\nafter', 'pre(code(a **b**\n\nc))p(after)'],
    ['| A | B |\n|---|---|\n| 1 | `x` |', 'div(table(thead(tr(th(A)th(B)))tbody(tr(td(1)td(code(x))))))'],
    ['> quoted\n> too', 'blockquote(p(quotedbr()too))'],
    ['As it says. [1] [2](x)', 'p(As it says. span(1) span(2))'],
    ['snake_case_name and 2 * 3 * 4', 'p(snake_case_name and 2 * 3 * 4)'],
    ['a ``` b', 'p(a ``` b)'],
  ]) {
    assert.equal(drawn(text), expected, text);
  }
});

test("Slack's own markup becomes elements", () => {
  assert.equal(drawn('*bold* ~gone~ &lt;b&gt; &amp;amp;', 'mrkdwn'), 'p(strong(bold) s(gone) <b> &amp;)');
  assert.equal(drawn('<@U0ADA> in <#C0GENERAL>: <https://e.org/?a=1&amp;b=2|here>', 'mrkdwn'), 'p(span(@ada) in a(#general): a(here))');
  assert.equal(drawn('<@U0GONE|eve> :tada: :no_such_sign:', 'mrkdwn'), 'p(span(@eve) span(🎉) :no_such_sign:)');
});

test('no text becomes markup, and no link leads anywhere but to the web or to mail', () => {
  for (const text of [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '<javascript:alert(1)|x>',
    '[x](data:text/html,<script>alert(1)</script>)',
    '![x](https://e.org/"onerror="alert(1))',
    '[<img src=x>](https://e.org)',
    '<https://e.org/"><script>alert(1)</script>|x>',
    '| <b>a</b> |\n|---|\n| [x](vbscript:x) |',
  ]) {
    for (const dialect of ['markdown', 'mrkdwn']) {
      const all = markdown.rendered(text, names, dialect).childNodes.flatMap(elements);
      for (const { tag, attributes } of all) {
        assert.ok(!['script', 'img', 'b', 'iframe'].includes(tag), `${text} made <${tag}>`);
        assert.ok(Object.keys(attributes).every((name) => !name.startsWith('on') && name !== 'style'), text);
        assert.match(attributes.href ?? 'https://', /^(https?:\/\/|mailto:|#)/, text);
      }
    }
  }
});

test('texts made to be slow are drawn in time', () => {
  const nasty = ['*', '_', '`', '[', '**a ', '<', '~~a', '> ', '- ', '| a ', '[a](', ':a', '`a'].map((part) => part.repeat(12_000 / part.length));
  for (const text of [...nasty, `${'- a\n'.repeat(3_000)}`, `${'  '.repeat(3_000)}- a`]) {
    const begun = performance.now();
    markdown.rendered(text, names, 'markdown');
    const took = performance.now() - begun;
    assert.ok(took < SLOW_MS_MIN, `${JSON.stringify(text.slice(0, 12))}… took ${Math.round(took)} ms`);
  }
});

test('what is entered in a modal is read as state.values', () => {
  const field = (block_id, type, more = {}) => ({ block: { type: 'input', block_id, ...more }, part: { type, action_id: 'a' } });
  const fields = new inputs.Fields();
  const typed = [field('text', 'plain_text_input'), field('day', 'datepicker', { optional: true }), field('left', 'plain_text_input')].map(({ block, part }) => {
    const made = inputs.control(part, undefined, {}, () => {});
    fields.add(block, part, made.read);
    return made.element;
  });
  typed[0].value = 'hello';
  assert.deepEqual(fields.values(), {
    text: { a: { type: 'plain_text_input', value: 'hello' } },
    day: { a: { type: 'datepicker', selected_date: null } },
    left: { a: { type: 'plain_text_input', value: null } },
  });
  assert.deepEqual(fields.missing(), ['left']);
  assert.equal(inputs.control({ type: 'unheard_of' }, undefined, {}, () => {}), null);
  assert.equal(inputs.chosen({ selected_option: { value: 'one' } }), 'one');
});
