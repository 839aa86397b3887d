// The agents' desk: puts everything together.
import { html, render, effect, useEffect } from '../shared/html.js';
import { t, useLanguage, preferredLanguage } from '../shared/i18n.js';
import { chosenLanguage } from '../shared/prefs.js';
import { sessionEnded } from '../shared/api.js';
import { Login } from '../shared/login.js';
import { Toasts } from '../shared/toasts.js';
import { me, selectedId, live, listeners, readMe, stopLive } from './store.js';
import { begin, show, select, idOfAddress, logIn } from './actions.js';
import { flushAll } from './outbox.js';
import { announcement, startNotifying } from './notify.js';
import { startKeys } from './keys.js';
import { Side, LiveBar, tab } from './views/side.js';
import { TalkPane } from './views/talk.js';
import { Card } from './views/card.js';
import { Dialogs, dialog, cardShown, cardIsDrawer, showCard } from './views/dialogs.js';

function Desk() {
  return html`<div class="desk ${selectedId.value ? 'has-talk' : ''} ${cardShown.value ? 'has-card' : ''}">
    <a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); /** @type {HTMLElement|null} */ (document.querySelector('[data-composer], #main button'))?.focus(); }}>${t('skip')}</a>
    <${LiveBar} /><${Side} /><${TalkPane} /><${Card} /><${Dialogs} /><${Toasts} />
    <div class="hidden-text" role="status" aria-live="assertive">${announcement.value}</div>
  </div>`;
}

function App() {
  useEffect(() => { document.documentElement.dataset.ready = me.value ? 'desk' : 'login'; }, [me.value]);
  if (me.value === null) return html`<${Login} again=${sessionEnded.value > 0} onLogin=${logIn} />`;
  if (!me.value) return null;
  return html`<${Desk} />`;
}

async function start() {
  await useLanguage(preferredLanguage(chosenLanguage.value), '/ui/desk/i18n');
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
