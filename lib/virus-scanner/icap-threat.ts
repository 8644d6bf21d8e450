import type { IcapHead } from './icap-reply.ts';

const unnamed = 'something it does not name';

/** The name of what was found, in the fields that scanners use: `X-Infection-Found` (c-icap, Symantec, Kaspersky) and older ones. */
export function threatOf(fields: IcapHead['fields']): string | undefined {
  const infection = fields.get('x-infection-found');
  if (infection !== undefined) return /Threat=([^;]+)/i.exec(infection)?.[1]?.trim() ?? unnamed;
  const virus = fields.get('x-virus-id');
  if (virus !== undefined && !/^(?:no threats|none|)$/i.test(virus)) return virus;
  const violations = fields.get('x-violations-found');
  if (violations !== undefined && !/^0\b/.test(violations)) return violations;
  return undefined;
}
