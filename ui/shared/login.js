// The door of a page: login and password. Also stands over it when a session has ended; what was written stays.
import { html, useEffect, useRef, useState } from './html.js';
import { t, language, useLanguage, LANGUAGES } from './i18n.js';
import { recall, keep, chosenLanguage } from './prefs.js';
import { ApiError } from './api.js';
import { wordsOf } from './words.js';
import { Icon } from './icons.js';

/** Shows the page in another language, and remembers it. */
export async function chooseLanguage(lang) {
  await useLanguage(lang);
  chosenLanguage.value = lang;
}

/** The languages by their own names. */
const NAMES = { en: 'English', fr: 'Français' };
export function LanguageSwitch() {
  return html`<div class="segments" role="radiogroup" aria-label=${t('settings.language')}>
    ${LANGUAGES.map((l) => html`<label key=${l}><input type="radio" name="language" value=${l} checked=${language.value === l} onChange=${() => chooseLanguage(l)} /><span lang=${l}>${NAMES[l]}</span></label>`)}
  </div>`;
}

export function Mark() {
  return html`<svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false"><rect width="32" height="32" rx="8" /><path d="M8 24V15a8 8 0 0 1 16 0v9M6 24h20M16 12v0" /></svg>`;
}

/** @param {{again?: boolean, onLogin: (c: {login: string, password: string}) => Promise<void>}} props */
export function Login({ again = false, onLogin }) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const [shown, setShown] = useState(false);
  const name = useRef(/** @type {HTMLInputElement|null} */ (null));
  const password = useRef(/** @type {HTMLInputElement|null} */ (null));
  const last = recall('login', '');
  useEffect(() => { (last ? password : name).current?.focus(); }, []);
  const onSubmit = async (e) => {
    e.preventDefault();
    if (busy || !name.current || !password.current) return;
    const login = name.current.value.trim();
    if (!login || !password.current.value) {
      setError(t('login.missing'));
      (login ? password : name).current?.focus();
      return;
    }
    setBusy(true);
    setError('');
    try {
      await onLogin({ login, password: password.current.value });
      keep('login', login);
    } catch (err) {
      setError(err instanceof ApiError && err.status === 401 ? t('login.wrong') : wordsOf(err));
      setBusy(false);
      password.current?.select();
    }
  };
  return html`<main class="login"><form class="login-box" onSubmit=${onSubmit} novalidate>
    <div class="login-head"><${Mark} /><h1>${t('login.title')}</h1><p>${again ? t('login.again') : t('login.welcome')}</p></div>
    <label class="field"><span>${t('login.name')}</span>
      <input ref=${name} name="login" autocomplete="username" autocapitalize="none" spellcheck=${false} defaultValue=${last} aria-invalid=${Boolean(error)} aria-describedby="login-error" required /></label>
    <label class="field"><span>${t('login.password')}</span>
      <span class="with-button"><input ref=${password} name="password" type=${shown ? 'text' : 'password'} autocomplete="current-password" aria-invalid=${Boolean(error)} aria-describedby="login-error" required />
        <button type="button" class="button quiet" aria-pressed=${shown} onClick=${() => setShown(!shown)}>${shown ? t('login.hide') : t('login.show')}</button></span></label>
    <p id="login-error" class="form-error" role="alert">${error && html`<${Icon} name="warn" size=${16} />${error}`}</p>
    <button class="button primary large" type="submit" disabled=${busy}>${busy ? t('login.busy') : t('login.go')}</button>
    <div class="login-foot"><${LanguageSwitch} /></div>
  </form></main>`;
}
