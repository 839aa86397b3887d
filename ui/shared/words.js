// What went wrong, in words for people.
import { ApiError, Unreachable } from './api.js';
import { t } from './i18n.js';

export function wordsOf(e) {
  if (e instanceof Unreachable) return t('error.unreachable');
  if (e instanceof ApiError) {
    if (e.status === 429) return t('error.braked', { n: e.retryAfter || 1 });
    if (e.status === 503) return t('error.busy');
    if (e.status === 409) return t('error.conflict', { why: e.message });
    return e.message;
  }
  return String(e?.message ?? e);
}
