// What the page /docs makes of OpenAPI documents: groups, words for types, samples, lines for the shell, search.
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { address, answers, credential, curl, firstBody, parts, readDocument, sample, search, typeWords } from '../../ui/docs/model.js';

const ref = (name) => ({ $ref: `#/components/schemas/${name}` });
const document = {
  info: { title: 'A', description: 'Intro. More.' }, servers: [{ url: 'https://x.example' }],
  paths: {
    '/things': {
      get: { operationId: 'list', summary: 'Things by state', description: 'All.', tags: ['things'], security: [{ token: [] }, { session: [] }], parameters: [{ in: 'query', name: 'state', schema: { enum: ['a', 'b'] }, description: '' }], responses: { 400: { description: 'No', content: { 'application/problem+json': { schema: { ...ref('Problem'), properties: { code: { enum: ['ERR_1'] } } } } } }, 200: { description: 'Yes', content: { 'application/json': { schema: ref('Thing') } } } } },
      post: { operationId: 'make', summary: 'Make one', description: '', tags: ['things'], security: [{ bearer: [] }], parameters: [{ in: 'header', name: 'Key', schema: { type: 'string' }, description: '' }], requestBody: { required: true, content: { 'application/json': { schema: ref('Thing') } } }, responses: { 201: { description: '' } } },
    },
    '/one/{id}': { get: { operationId: 'one', summary: 'One', description: '', tags: ['one'], security: [], parameters: [{ in: 'path', name: 'id', required: true, schema: {}, example: 'x/1', description: '' }], responses: {} } },
  },
  webhooks: { told: { post: { description: 'You are told. Really.', parameters: [], responses: {} } } },
  components: {
    schemas: {
      Thing: { type: 'object', required: ['name', 'parts'], properties: { name: { type: 'string', minLength: 1, maxLength: 9, examples: ["O'Hara"] }, parts: { type: 'array', items: ref('Part') }, more: { type: 'string' }, kind: { const: 'k' } } },
      Part: { type: 'object', required: ['n', 'thing'], properties: { n: { type: 'integer', minimum: 3 }, thing: { anyOf: [ref('Thing'), { type: 'null' }] } } },
      Problem: { type: 'object', properties: {} },
    },
    securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'Kiamo-Api-Token' }, session: { type: 'apiKey', in: 'cookie', name: 's' }, bearer: { type: 'http', scheme: 'bearer' } },
  },
};
const model = readDocument('a', document);
const operation = (id) => model.groups.flatMap((g) => g.operations).find((o) => o.id === id);

describe('the model of /docs', () => {
  it('groups by tag; what is alone goes together; webhooks come last', () => {
    assert.deepEqual(model.groups.map((g) => [g.title, g.operations.map((o) => o.id)]), [['things', ['list', 'make']], ['other', ['one']], ['sent to you', ['webhook-told']]]);
    assert.equal(operation('webhook-told').summary, 'You are told');
  });

  for (const [schema, words] of [
    [{ type: 'string' }, 'text'],
    [{ type: 'string', minLength: 1, maxLength: 255 }, 'text, 1 to 255'],
    [{ type: 'string', minLength: 32, maxLength: 32 }, 'text, 32'],
    [{ type: 'integer', minimum: 0 }, 'integer'],
    [{ type: 'integer', minimum: 1 }, 'integer, from 1'],
    [{ type: 'string', format: 'date-time' }, 'time'],
    [{ type: 'string', pattern: '^[0-9a-f]{24}$' }, 'id (24 hex digits)'],
    [{ type: 'string', contentEncoding: 'base64' }, 'base64'],
    [{ type: 'array', items: ref('Part'), maxItems: 16 }, 'list of Part, up to 16'],
    [{ anyOf: [ref('Part'), { type: 'null' }] }, 'Part or null'],
    [{ type: 'string', enum: ['a', 'b'] }, 'a | b'],
    [{ const: 'k' }, 'always "k"'],
    [{ type: 'object', additionalProperties: { type: 'string' } }, 'object of text'],
    [{}, 'anything'],
  ]) it(`says ${words}`, () => assert.equal(typeWords(schema), words));

  it('finds what a schema is made of', () => {
    assert.deepEqual(parts({ anyOf: [{ type: 'array', items: { anyOf: [ref('Part'), ref('Thing')] } }, { type: 'null' }] }), ['Part', 'Thing']);
    assert.deepEqual(parts({ type: 'string' }), []);
  });

  it('makes a sample of what is required or has an example, and ends where schemas name each other', () => {
    const made = sample(document, ref('Thing'));
    assert.equal(made.name, "O'Hara");
    assert.equal('more' in made, false);
    assert.equal(made.parts[0].n, 3);
    assert.equal(made.parts[0].thing.name, "O'Hara");
    assert.ok(JSON.stringify(made).length < 2000);
  });

  it('fills in addresses', () => {
    assert.equal(address(operation('one'), { 'path:id': 'a/b c' }), '/one/a%2Fb%20c');
    assert.equal(address(operation('list'), { 'query:state': 'a&b' }), '/things?state=a%26b');
    assert.equal(address(operation('list'), {}), '/things');
  });

  it('names the credential: the header, never the cookie', () => {
    assert.deepEqual(credential(document, operation('list'), ''), { name: 'Kiamo-Api-Token', value: 'TOKEN' });
    assert.deepEqual(credential(document, operation('make'), 'abc'), { name: 'Authorization', value: 'Bearer abc' });
    assert.equal(credential(document, operation('one'), 'abc'), null);
  });

  it('writes lines that a shell takes as they are meant', () => {
    const words = (line) => execFileSync('bash', ['-c', `curl() { printf '%s\\0' "$@"; }; ${line}`], { encoding: 'utf8' }).split('\0').slice(0, -1);
    assert.deepEqual(words(curl('https://x.example', document, operation('one'))), ['https://x.example/one/x%2F1']);
    const body = firstBody(document, operation('make'), 'application/json');
    assert.deepEqual(words(curl('https://x.example', document, operation('make'), { token: '$TOKEN', values: { 'header:Key': "it's" } })),
      ['-X', 'POST', 'https://x.example/things', '-H', 'Authorization: Bearer $TOKEN', '-H', "Key: it's", '-H', 'Content-Type: application/json', '-d', body]);
    assert.equal(JSON.parse(body).name, "O'Hara");
  });

  it('searches in all documents, for all words', () => {
    const ids = (text) => search([model], text).map((x) => x.operation.id);
    assert.deepEqual(ids('STATE things'), ['list']);
    assert.deepEqual(ids('post'), ['make', 'webhook-told']);
    assert.deepEqual(ids('nothing'), []);
    assert.deepEqual(ids('one'), ['make', 'one'], 'by name or address');
    assert.deepEqual(ids('all.'), ['list'], 'by the description too');
  });

  it('tells answers in order, with their codes', () => {
    assert.deepEqual(answers(operation('list')).map((a) => [a.status, a.codes]), [['200', []], ['400', ['ERR_1']]]);
  });
});
