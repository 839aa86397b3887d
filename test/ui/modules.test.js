// The desk's pure modules: rich content, texts, rows of a timeline.
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { describe as blocksOf, safeLink } from '../../ui/desk/rich.js';
import { fillIn, findCanned, gapOf, initialsOf, linkParts, shortcutAt } from '../../ui/desk/text.js';
import { glanceOf, rowsOf } from '../../ui/desk/rows.js';

describe('rich content', () => {
  const cases = [
    ['nothing', null, []],
    ['a location', { type: 'location', latitude: 48.85, longitude: '2.35', address: 'Paris' }, [{ kind: 'location', lat: 48.85, lon: 2.35, address: 'Paris' }]],
    ['a location out of this world', { latitude: 91, longitude: 2 }, [{ kind: 'fields', rows: [['latitude', '91'], ['longitude', '2']] }]],
    ['items of a custom channel', { items: [{ type: 'location', latitude: 1, longitude: 2 }, { type: 'contact', name: 'Ann', number: '+33 1' }] },
      [{ kind: 'location', lat: 1, lon: 2, address: '' }, { kind: 'contact', name: 'Ann', number: '+33 1' }]],
    ['buttons', { text: 'Which?', buttons: [{ label: 'A' }, 'B'] }, [{ kind: 'choices', title: 'Which?', choices: ['A', 'B'] }]],
    ['a card', { title: 'Lamp', description: 'blue', url: 'https://x.example/', buttons: [{ title: 'Buy' }] }, [{ kind: 'card', title: 'Lamp', text: 'blue', link: 'https://x.example/', choices: ['Buy'] }]],
    ['a card with a script for an address', { title: 'x', text: 'y', url: 'javascript:alert(1)' }, [{ kind: 'card', title: 'x', text: 'y', link: '', choices: [] }]],
    ['JSON in a text', '{"latitude":1,"longitude":2}', [{ kind: 'location', lat: 1, lon: 2, address: '' }]],
    ['markup in a text', '<p>Hello <b>you</b></p><script>x</script>', [{ kind: 'text', text: 'Hello you\nx' }]],
    ['anything else', { type: 'order', order: { id: 7, paid: true } }, [{ kind: 'fields', rows: [['order › id', '7'], ['order › paid', 'true']] }]],
  ];
  for (const [name, rich, expected] of cases) it(name, () => assert.deepEqual(blocksOf(rich), expected));

  it('what is deep, long or circular in spirit stays small', () => {
    let deep = { a: 1 };
    for (let i = 0; i < 1000; i++) deep = { items: [deep] };
    assert.ok(blocksOf(deep).length <= 40);
    assert.ok(blocksOf(Array.from({ length: 5000 }, () => ({ title: 'x', text: 'y' }))).length <= 40);
    assert.ok(blocksOf(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i])))[0].rows.length <= 40);
  });

  it('only web addresses are links', () => {
    for (const bad of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:x', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', '//x.example', 'x', '']) assert.equal(safeLink(bad), '', bad);
    assert.equal(safeLink('https://x.example/a?b#c'), 'https://x.example/a?b#c');
  });
});

describe('texts', () => {
  it('addresses in a text become links without what ends the sentence', () => {
    assert.deepEqual(linkParts('See https://x.example/a_(b), or (https://y.example/c). Not javascript:x'), [
      { text: 'See ' }, { text: 'https://x.example/a_(b)', href: 'https://x.example/a_(b)' }, { text: ', or (' }, { text: 'https://y.example/c', href: 'https://y.example/c' }, { text: '). Not javascript:x' }]);
    assert.deepEqual(linkParts('none'), [{ text: 'none' }]);
  });
  it('variables are filled in, and what has no value stays to be seen', () => {
    const text = fillIn('Hello {{customer.name}}, {agent.name} here: {{order}}', { 'customer.name': 'Ann', 'agent.name': 'Bob' });
    assert.equal(text, 'Hello Ann, Bob here: {{order}}');
    assert.deepEqual(gapOf(text), [text.indexOf('{{'), text.length]);
    assert.equal(gapOf('none'), null);
  });
  it('a shortcut is looked for at the beginning of a word only', () => {
    assert.deepEqual(shortcutAt('Hi /tha', 7), { from: 3, query: 'tha' });
    assert.deepEqual(shortcutAt('/', 1), { from: 0, query: '' });
    for (const [text, caret] of [['and/or', 6], ['https://x', 9], ['/tha nks', 8], ['', 0]]) assert.equal(shortcutAt(text, caret), null, text);
    const list = [{ id: 1, shortcut: 'bye', title: 'Goodbye', text: 'Thanks and goodbye' }, { id: 2, shortcut: '/thanks', title: 'Thanks', text: '…' }, { id: 3, shortcut: 'that', title: 'x', text: 'x', serviceId: 9 }];
    assert.deepEqual(findCanned(list, 'tha', 1).map((c) => c.id), [2, 1]);
    assert.deepEqual(findCanned(list, 'tha', 9).map((c) => c.id), [2, 3, 1]);
  });
  it('initials', () => {
    for (const [name, letters] of [['M. John Doe', 'JD'], ['Ana', 'A'], ['  ', ''], ['<b>x</b>', ''], ['Émile van der Zee', 'ÉZ'], ['123 456', '14'], ['李 小龙', '李小']]) assert.equal(initialsOf(name), letters, name);
  });
});

describe('rows of a timeline', () => {
  const at = (min) => new Date(Date.UTC(2026, 4, 4, 10, min)).toISOString();
  const msg = (seq, min, kind, sender, text = 'x') => ({ seq, at: at(min), kind, message: { direction: { 'message.received': 'in', 'message.sent': 'out', 'message.history': 'history' }[kind], sender: { type: 'human', id: sender }, text, createdAt: Date.parse(at(min)) / 1000, attachments: [] } });
  it('the bot\'s part is one row, days are marked, messages of one voice are grouped', () => {
    const rows = rowsOf([
      { seq: 1, at: at(0), kind: 'interaction.opened' }, msg(2, 0, 'message.history', 'c'), msg(3, 1, 'message.history', 'bot'), msg(4, 2, 'message.received', 'c'), msg(5, 3, 'message.received', 'c'),
      { seq: 6, at: at(3), kind: 'delivery.delivered' }, msg(7, 4, 'message.sent', 'a'), { seq: 8, at: at(5), kind: 'note.added', note: { content: 'n' } }, msg(9, 30, 'message.received', 'c')], 5);
    assert.deepEqual(rows.map((r) => r.type), ['day', 'deed', 'bot', 'message', 'message', 'message', 'note', 'message']);
    assert.equal(rows[2].items?.length, 2);
    assert.deepEqual(rows.filter((r) => r.type === 'message').map((r) => [r.first, r.last]), [[true, false], [false, true], [true, true], [true, true]]);
    assert.deepEqual(rows.filter((r) => r.fresh).map((r) => r.item?.seq), [9]);
  });
  it('one line tells what a message holds', () => {
    assert.deepEqual(glanceOf({ text: ' a\n b ' }), { text: 'a b' });
    assert.deepEqual(glanceOf({ text: '', attachments: [{ name: 'x.png' }] }), { file: 'x.png' });
    assert.deepEqual(glanceOf({ text: '', attachments: [], richContent: { latitude: 1, longitude: 2, address: 'Rue A' } }), { text: 'Rue A' });
    assert.deepEqual(glanceOf({ text: '', attachments: [], richContent: { latitude: 1, longitude: 2 } }), { rich: true });
  });
});
