import type { ErrorStage } from '../core/error-codes.ts';
import { ProxyError } from '../core/errors.ts';
import type { ScanOutcome } from '../core/transaction.ts';

export type Choice = 'block' | 'allow';

/** What becomes of bodies that nobody can call clean. */
export interface Rules {
  readonly onOversize: Choice;
  readonly onUnavailable: Choice;
  readonly onUnscannable: Choice;
  readonly encrypted: Choice;
}

/** How the inspection of a body ended. */
export interface Finding {
  readonly outcome: ScanOutcome;
  /** What was found, or why it could not be scanned; fit for pages. */
  readonly finding?: string | undefined;
  /** For operators. */
  readonly detail?: string | undefined;
  /** Which rule an `unscannable` one goes by. A bomb goes by none, nor does what came too slowly: who sends decides on both. */
  readonly because?: 'encrypted' | 'bomb' | 'slow' | undefined;
}

const noStore = { 'Cache-Control': 'no-store' };
/** Seconds after which a client may try again what no engine could scan. */
const tryAgain = { ...noStore, 'Retry-After': '10' };

/** @returns undefined when the body may go on */
export function refusalOf(
  { outcome, finding = 'unknown', detail = finding, because }: Finding,
  rules: Rules,
  direction: 'download' | 'upload',
): ProxyError | undefined {
  const stage: ErrorStage = direction === 'upload' ? 'request' : 'body';
  const init = { stage, detail, headers: noStore };
  switch (outcome) {
    case 'clean':
    case 'skipped':
      return undefined;
    case 'infected':
      return new ProxyError('ERR_SEKISHO_INFECTED', {
        ...init,
        message: `The content was blocked, the virus scanner found ${finding} in it`,
      });
    case 'oversize':
      if (rules.onOversize === 'allow') return undefined;
      return new ProxyError('ERR_SEKISHO_SCAN_OVERSIZE', {
        ...init,
        ...(direction === 'upload' && { status: 413 }),
      });
    case 'unavailable':
      if (rules.onUnavailable === 'allow' && because !== 'slow') return undefined;
      return new ProxyError('ERR_SEKISHO_SCAN_UNAVAILABLE', { ...init, headers: tryAgain });
    case 'unscannable': {
      const rule = because === 'encrypted' ? rules.encrypted : rules.onUnscannable;
      if (rule === 'allow' && because !== 'bomb') return undefined;
      return new ProxyError('ERR_SEKISHO_UNSCANNABLE', {
        ...init,
        message: `The content was blocked, it cannot be scanned for viruses (${finding})`,
      });
    }
  }
}
