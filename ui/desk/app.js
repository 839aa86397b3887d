// The agents' desk: puts everything together.
import { html, render, effect, useEffect } from '../shared/html.js';
import { t, useLanguage, preferredLanguage } from '../shared/i18n.js';
import { chosenLanguage } from '../shared/prefs.js';
import { sessionEnded } from '../shared/api.js';
import { Icon } from '../shared/icons.js';
import { me, selectedId, live, listeners, readMe, stopLive } from './store.js';
import { begin, show, select, idOfAddress, toasts, dropToast } from './actions.js';
import { flushAll } from './outbox.js';
import { announcement, startNotifying } from './notify.js';
import { startKeys } from './keys.js';
import { Login } from './views/login.js';
import { Side, LiveBar, tab } from './views/side.js';
import { TalkPane } from './views/talk.js';
import { Card } from './views/card.js';
import { Dialogs, dialog, cardShown, cardIsDrawer, showCard } from './views/dialogs.js';
import { MESSAGES } from './views/settings.js';

function Toasts() {
  return html`<div class="toasts" role="status">${toasts.value.map((x) => html`<div key=${x.id} class="toast ${x.kind}"><${Icon} name=${x.kind === 'bad' ? 'warn' : 'check'} size=${16} /><span>${x.text}</span>
    <button type="button" class="button quiet square small" onClick=${() => dropToast(x.id)} aria-label=${t('close')}><${Icon} name="close" size=${14} /></button></div>`)}</div>`;
}

function Desk() {
  return html`<div class="desk ${selectedId.value ? 'has-talk' : ''} ${cardShown.value ? 'has-card' : ''}">
    <a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); /** @type {HTMLElement|null} */ (document.querySelector('[data-composer], #main button'))?.focus(); }}>${t('skip')}</a>
    <${LiveBar} /><${Side} /><${TalkPane} /><${Card} /><${Dialogs} /><${Toasts} />
    <div class="hidden-text" role="status" aria-live="assertive">${announcement.value}</div>
  </div>`;
}

function App() {
  useEffect(() => { document.documentElement.dataset.ready = me.value ? 'desk' : 'login'; }, [me.value]);
  if (me.value === null) return html`<${Login} again=${sessionEnded.value > 0} />`;
  if (!me.value) return null;
  return html`<${Desk} />`;
}

async function start() {
  await useLanguage(MESSAGES, preferredLanguage(chosenLanguage.value));
  const root = /** @type {HTMLElement} */ (document.getElementById('app'));
  startKeys({ dialog, cardShown, cardIsDrawer, showCard, tab });
  startNotifying(select);
  addEventListener('popstate', () => { if (me.value) show(idOfAddress()); });
  listeners.add((e) => { if (e.kind === 'live.up') { dispatchEvent(new Event('guichet:live')); flushAll(); } });
  // A session that has ended: the door stands over the desk, whatever was written stays.
  effect(() => { if (sessionEnded.value && me.peek()) { stopLive(); dialog.value = null; me.value = null; } });
  effect(() => { document.documentElement.dataset.live = live.value?.state.value ?? 'off'; });
  for (let i = 0; ; i++) {
    try { await readMe(); break; } catch { await new Promise((r) => setTimeout(r, Math.min(500 * 2 ** i, 8000))); }
  }
  root.textContent = '';
  render(html`<${App} />`, root);
  await begin();
}
start();
