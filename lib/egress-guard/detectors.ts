import type { Detector } from './detector.ts';
import { fileTypeDetector, fileTypes } from './file-types.ts';
import { numberDetector, numberHint } from './numbers.ts';
import type { EgressSettings } from './options.ts';
import { secretDetectors, secretHints, secretKinds } from './secrets.ts';
import { userPatternDetector } from './user-patterns.ts';

/** What to look for, made anew for each body: a detector remembers what it has seen of one. */
export interface DetectorKit {
  /** For bodies. */
  readonly body: readonly (() => Detector)[];
  /** For URLs and fields, where no file can be. */
  readonly head: readonly (() => Detector)[];
  /** What matches none of these is looked at no further; undefined when there are patterns that could be anywhere. */
  readonly hints: readonly RegExp[] | undefined;
}

export function detectorKit({ patterns, fileTypes: types, actions }: EgressSettings): DetectorKit {
  const head: (() => Detector)[] = [];
  const hints: RegExp[] = [];
  let anywhere = false;
  if (patterns !== false) {
    const { secrets, cardNumbers, myNumbers, corporateNumbers, custom } = patterns;
    const kinds = secrets === true ? secretKinds : secrets === false ? [] : secrets;
    if (actions.secret !== 'ignore' && kinds.length > 0) {
      head.push(...secretDetectors(kinds));
      hints.push(...secretHints);
    }
    const numbers = [
      ...(cardNumbers ? (['card-number'] as const) : []),
      ...(myNumbers ? (['my-number'] as const) : []),
      ...(corporateNumbers ? (['corporate-number'] as const) : []),
    ].filter((kind) => actions[kind] !== 'ignore');
    head.push(...numbers.map(numberDetector));
    if (numbers.length > 0) hints.push(numberHint);
    if (actions.pattern !== 'ignore') {
      head.push(...custom.map(userPatternDetector));
      anywhere = custom.length > 0;
    }
  }
  return {
    head,
    body: [...fileTypeDetectors(types, actions['file-type'] !== 'ignore'), ...head],
    hints: anywhere ? undefined : hints,
  };
}

function fileTypeDetectors(
  { allow, deny }: EgressSettings['fileTypes'],
  wanted: boolean,
): (() => Detector)[] {
  if (!wanted || (allow === undefined && deny === undefined)) return [];
  const denied = new Set(deny ?? fileTypes.filter((type) => allow?.includes(type) !== true));
  return [fileTypeDetector((type) => denied.has(type))];
}
