// The administrators' consoles: the setup by families, deliveries, the audit.
import { html, render, effect, useState } from '../shared/html.js';
import { t, useLanguage, preferredLanguage } from '../shared/i18n.js';
import { chosenLanguage, theme } from '../shared/prefs.js';
import { sessionEnded } from '../shared/api.js';
import { Icon } from '../shared/icons.js';
import { Empty } from '../shared/parts.js';
import { Login, LanguageSwitch, Mark } from '../shared/login.js';
import { Toasts } from '../shared/toasts.js';
import { go, logIn, logOut, me, place, placeOf, readMe } from './store.js';
import { GROUPS, familyNamed } from './families.js';
import { FamilyForm, FamilyList } from './views/family.js';
import { Audit, Deliveries } from './views/records.js';

function Nav() {
  const [open, setOpen] = useState(false);
  const to = (page) => (e) => { e.preventDefault(); setOpen(false); go(page); };
  return html`<nav class="nav ${open ? 'open' : ''}" aria-label=${t('nav')}>
    <div class="nav-head"><${Mark} /><b>${t('app.title')}</b><button type="button" class="button quiet square nav-toggle" aria-expanded=${open} aria-label=${t('nav')} onClick=${() => setOpen(!open)}><${Icon} name="menu" /></button></div>
    <div class="nav-body">${GROUPS.map((g) => html`<section key=${g.name}><h2>${t(`group.${g.name}`)}</h2><ul>${g.pages.map((p) => html`<li key=${p}><a href="#/${p}" aria-current=${place.value.page === p ? 'page' : undefined} onClick=${to(p)}>${t(`page.${p}`)}</a></li>`)}</ul></section>`)}
      <div class="nav-foot"><span class="dim">${me.value.displayName}</span><${LanguageSwitch} />
        <button type="button" class="button quiet" onClick=${() => { theme.value = theme.value === 'dark' || (theme.value === 'system' && matchMedia('(prefers-color-scheme: dark)').matches) ? 'light' : 'dark'; }}><${Icon} name="moon" size=${16} />${t('look')}</button>
        <a class="button quiet" href="/desk"><${Icon} name="chat" size=${16} />${t('desk')}</a>
        <button type="button" class="button quiet" onClick=${logOut}><${Icon} name="exit" size=${16} />${t('logout')}</button></div></div>
  </nav>`;
}

function Page() {
  const { page, id } = place.value;
  if (page === 'deliveries') return html`<${Deliveries} />`;
  if (page === 'audit') return html`<${Audit} />`;
  const family = familyNamed(page);
  if (!family) return html`<${Empty} icon="search" title=${t('page.none')} />`;
  return id ? html`<${FamilyForm} key=${`${page} ${id}`} family=${family} id=${id} />` : html`<${FamilyList} key=${page} family=${family} />`;
}

function App() {
  if (me.value === null) return html`<${Login} again=${sessionEnded.value > 0} onLogin=${logIn} />`;
  if (!me.value) return null;
  if (me.value.profile !== 'administrator') {
    return html`<main class="refused"><${Empty} icon="warn" title=${t('refused.title')} text=${t('refused.text')}><a class="button" href="/desk">${t('desk')}</a><button type="button" class="button" onClick=${logOut}>${t('logout')}</button><//></main>`;
  }
  return html`<div class="admin"><${Nav} /><main class="page" id="main"><${Page} /></main><${Toasts} /></div>`;
}

async function start() {
  await useLanguage(preferredLanguage(chosenLanguage.value), '/ui/admin/i18n');
  place.value = placeOf(location.hash);
  addEventListener('popstate', () => { place.value = placeOf(location.hash); });
  effect(() => { if (sessionEnded.value && me.peek()) me.value = null; });
  effect(() => { document.documentElement.dataset.ready = me.value ? 'admin' : me.value === null ? 'login' : ''; document.title = t('app.title'); });
  for (let i = 0; ; i++) {
    try { await readMe(); break; } catch { await new Promise((r) => setTimeout(r, Math.min(500 * 2 ** i, 8000))); }
  }
  const root = /** @type {HTMLElement} */ (document.getElementById('app'));
  root.textContent = '';
  render(html`<${App} />`, root);
}
start();
