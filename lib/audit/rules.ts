import { exposureRules } from './exposure-rules.ts';
import type { Rule } from './finding.ts';
import { orderRules } from './order-rules.ts';
import { transportRules } from './transport-rules.ts';

export const rules: readonly Rule[] = [...orderRules, ...exposureRules, ...transportRules];
