// What a person may choose for this browser: look, language, sound, notifications, keys.
import { html } from '../../shared/html.js';
import { t } from '../../shared/i18n.js';
import { theme, density, sound, notifications, singleKeys } from '../../shared/prefs.js';
import { Modal } from '../../shared/parts.js';
import { LanguageSwitch } from '../../shared/login.js';
import { wantNotifications, soundOffer, unlockSound } from '../notify.js';
import { toast } from '../../shared/toasts.js';

function Segments({ name, label, value, options, onChange }) {
  return html`<div class="setting"><span id="set-${name}">${label}</span>
    <div class="segments" role="radiogroup" aria-labelledby="set-${name}">
      ${options.map((o) => html`<label key=${o}><input type="radio" name=${name} value=${o} checked=${value === o} onChange=${() => onChange(o)} /><span>${t(`settings.${name}.${o}`)}</span></label>`)}
    </div></div>`;
}

function Switch({ label, hint = '', checked, onChange }) {
  return html`<label class="setting switch-row"><span>${label}${hint && html`<small>${hint}</small>`}</span>
    <input type="checkbox" role="switch" class="switch" checked=${checked} onChange=${(e) => onChange(e.currentTarget.checked, e.currentTarget)} /></label>`;
}

export function Settings({ onClose }) {
  const onNotifications = async (wanted, box) => {
    if (!(await wantNotifications(wanted))) toast(t('settings.notifications.refused'), 'bad');
    box.checked = notifications.value;
  };
  return html`<${Modal} title=${t('settings.title')} onClose=${onClose}>
    <div class="modal-body settings">
      <${Segments} name="theme" label=${t('settings.theme')} value=${theme.value} options=${['system', 'light', 'dark']} onChange=${(v) => { theme.value = v; }} />
      <${Segments} name="density" label=${t('settings.density')} value=${density.value} options=${['comfortable', 'compact']} onChange=${(v) => { density.value = v; }} />
      <div class="setting"><span>${t('settings.language')}</span><${LanguageSwitch} /></div>
      <${Switch} label=${t('settings.sound')} checked=${sound.value} onChange=${(v) => { sound.value = v; if (v) { unlockSound(); soundOffer(); } }} />
      <${Switch} label=${t('settings.notifications')} hint=${t('settings.notifications.hint')} checked=${notifications.value} onChange=${onNotifications} />
      <${Switch} label=${t('settings.keys')} hint=${t('settings.keys.hint')} checked=${singleKeys.value} onChange=${(v) => { singleKeys.value = v; }} />
    </div>
  <//>`;
}
