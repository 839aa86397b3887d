// The setup as tables: which families there are, which fields they have, what their lists show. Views know types of fields, not families.
// Names and help of fields are texts: field.NAME, or field.FAMILY.NAME where one name means two things.

/** @typedef {{name: string, type: string, of?: string, words?: string[], required?: boolean, once?: boolean, min?: number, max?: number, fallback?: any, part?: string}} Field
 *   of: the family that is referred to; once: given when made, never shown; part: heading under which it stands */

/** @typedef {{name: string, icon: string, columns: string[], fields: Field[], label: string, disables?: boolean, secret?: string}} Family
 *   label: the field that names a row; disables: DELETE only disables; secret: member of the answer that is shown once */

const MEDIA = ['messaging', 'chat', 'email', 'callback', 'call'];
const name = { name: 'name', type: 'text', required: true, max: 100 };
const enabled = { name: 'enabled', type: 'switch', fallback: true };
const oneName = { columns: ['name'], label: 'name', fields: [name] };

/** @type {Family[]} */
export const FAMILIES = [
  { name: 'services', icon: 'inbox', label: 'name', columns: ['name', 'priority', 'strategy', 'agents', 'enabled'], disables: true, fields: [
    name, enabled,
    { name: 'priority', type: 'number', min: 1, max: 10, fallback: 5, part: 'routing' },
    { name: 'medium', type: 'word', words: MEDIA, fallback: 'messaging', part: 'routing' },
    { name: 'weight', type: 'number', min: 1, max: 100, fallback: 1, part: 'routing' },
    { name: 'strategy', type: 'word', words: ['longest_idle', 'least_loaded', 'best_skill'], fallback: 'longest_idle', part: 'routing' },
    { name: 'skills', type: 'levels', of: 'skills', part: 'routing' },
    { name: 'agents', type: 'levels', of: 'agents', part: 'routing' },
    { name: 'offerSeconds', type: 'seconds', fallback: 30, part: 'times' },
    { name: 'wrapupSeconds', type: 'seconds', fallback: 0, part: 'times' },
    { name: 'stickySeconds', type: 'seconds', fallback: 0, part: 'times' },
    { name: 'maxWaitSeconds', type: 'seconds', fallback: 0, part: 'times' },
    { name: 'idleCloseSeconds', type: 'seconds', fallback: 0, part: 'times' },
    { name: 'serviceLevelSeconds', type: 'seconds', fallback: 60, part: 'times' },
    { name: 'overflow', type: 'overflow', of: 'services', part: 'times' },
    { name: 'calendarId', type: 'ref', of: 'calendars', part: 'hours' },
    { name: 'closedPolicy', type: 'word', words: ['wait', 'refuse'], fallback: 'wait', part: 'hours' },
    { name: 'closedReply', type: 'lines', max: 4000, part: 'hours' }] },
  { name: 'agents', icon: 'person', label: 'login', columns: ['login', 'displayed', 'profile', 'team', 'services', 'enabled'], disables: true, fields: [
    { name: 'login', type: 'text', required: true, max: 100 }, { name: 'password', type: 'password', once: true, required: true },
    { name: 'firstName', type: 'text', max: 100 }, { name: 'lastName', type: 'text', max: 100 }, { name: 'email', type: 'text', max: 254 },
    { name: 'extension', type: 'text', max: 32 }, { name: 'avatarUrl', type: 'text', max: 2000 },
    { name: 'profile', type: 'word', words: ['agent', 'supervisor', 'administrator'], fallback: 'agent' }, enabled,
    { name: 'group', type: 'named', of: 'groups' }, { name: 'team', type: 'named', of: 'teams' },
    { name: 'capacity', type: 'number', min: 0, max: 100, fallback: 3, part: 'routing' },
    { name: 'media', type: 'media', words: MEDIA, part: 'routing' },
    { name: 'services', type: 'levels', of: 'services', part: 'routing' }, { name: 'skills', type: 'levels', of: 'skills', part: 'routing' }] },
  { name: 'teams', icon: 'chat', ...oneName },
  { name: 'groups', icon: 'chat', ...oneName },
  { name: 'skills', icon: 'bolt', ...oneName },
  { name: 'states', icon: 'clock', label: 'label', columns: ['label', 'kind', 'color', 'position', 'enabled'], fields: [
    { name: 'label', type: 'text', required: true, max: 100 }, { name: 'kind', type: 'word', words: ['ready', 'busy', 'pause', 'logged_out'], fallback: 'pause' },
    { name: 'color', type: 'color', fallback: '#6e7781' }, { name: 'position', type: 'number', min: 0, max: 1000, fallback: 100 }, enabled] },
  { name: 'qualifications', icon: 'tag', label: 'label', columns: ['category', 'label', 'serviceId', 'enabled'], fields: [
    { name: 'category', type: 'text', max: 100 }, { name: 'label', type: 'text', required: true, max: 100 }, { name: 'serviceId', type: 'ref', of: 'services' }, enabled] },
  { name: 'canned-replies', icon: 'note', label: 'shortcut', columns: ['shortcut', 'title', 'serviceId'], fields: [
    { name: 'shortcut', type: 'text', required: true, max: 50 }, { name: 'title', type: 'text', max: 100 }, { name: 'serviceId', type: 'ref', of: 'services' },
    { name: 'text', type: 'lines', required: true, max: 16000 }] },
  { name: 'calendars', icon: 'clock', label: 'name', columns: ['name', 'zone'], fields: [
    name, { name: 'zone', type: 'zone', required: true, max: 64, fallback: 'Europe/Paris' }, { name: 'intervals', type: 'intervals' }, { name: 'exceptions', type: 'exceptions' }] },
  { name: 'connectors', icon: 'link', label: 'name', columns: ['name', 'service', 'webhookUrl', 'enabled'], disables: true, secret: 'clientSecret', fields: [
    name, { name: 'service', type: 'named', of: 'services', required: true }, { name: 'webhookUrl', type: 'text', max: 2000 }, { name: 'showAgent', type: 'switch', fallback: false }, enabled] },
  { name: 'channels', icon: 'globe', label: 'name', columns: ['name', 'service', 'callbackUrl', 'enabled'], disables: true, secret: 'salt', fields: [
    name, { name: 'service', type: 'named', of: 'services', required: true }, { name: 'callbackUrl', type: 'text', max: 2000 },
    { name: 'accountToken', type: 'named', of: 'account-tokens', required: true }, enabled,
    { name: 'accessSeconds', type: 'seconds', fallback: 900, part: 'times' }, { name: 'refreshSeconds', type: 'seconds', fallback: 86400, part: 'times' },
    { name: 'idleCloseSeconds', type: 'seconds', fallback: 0, part: 'times' }, { name: 'botCloseSeconds', type: 'seconds', fallback: 0, part: 'times' }] },
  { name: 'account-tokens', icon: 'keys', label: 'name', columns: ['name', 'enabled', 'createdAt'], disables: true, secret: 'token', fields: [name, enabled] },
  { name: 'tokens', icon: 'keys', label: 'label', columns: ['label', 'rights', 'lastUsedAt', 'enabled'], secret: 'token', fields: [
    { name: 'label', type: 'text', required: true, max: 100 }, { name: 'rights', type: 'rights', fallback: {} }, enabled] },
];
export const familyNamed = (word) => FAMILIES.find((f) => f.name === word);

/** How the consoles are grouped. */
export const GROUPS = [
  { name: 'work', pages: ['services', 'qualifications', 'canned-replies', 'calendars'] },
  { name: 'people', pages: ['agents', 'teams', 'groups', 'skills', 'states'] },
  { name: 'partners', pages: ['connectors', 'channels', 'account-tokens', 'tokens', 'deliveries'] },
  { name: 'records', pages: ['audit'] },
];
export const APIS = ['interaction', 'agent', 'administration'];
export const VERBS = ['GET', 'POST', 'PUT', 'DELETE'];

/** What a form begins with. */
const EMPTY = new Map(Object.entries({ levels: [], media: [], intervals: [], exceptions: [], ref: null, named: null, overflow: null }));
export const blankOf = (family) => Object.fromEntries(family.fields.map((f) => [f.name, f.fallback ?? (EMPTY.has(f.type) ? EMPTY.get(f.type) : '')]));

/** What is sent: only what was changed, and references by their id. */
export function changesOf(family, before, after) {
  const sent = {};
  for (const f of family.fields) {
    const value = plain(f, after[f.name]);
    if (before && JSON.stringify(plain(f, before[f.name])) === JSON.stringify(value)) continue;
    if (!before && (value === '' || value === null) && !f.required) continue;
    sent[f.name] = value;
  }
  return sent;
}

function plain(f, v) {
  if (f.type === 'named') return v ? (v.id ?? v) : null;
  if (f.type === 'levels') return (v ?? []).map(({ id, level }) => ({ id, level: level ?? 1 })).sort((a, b) => a.id - b.id);
  if (f.type === 'overflow') return v?.serviceId ? { serviceId: v.serviceId, afterSeconds: v.afterSeconds ?? 60 } : null;
  return v ?? null;
}
