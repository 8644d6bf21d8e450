import { createHmac, randomBytes } from 'node:crypto';
import { clock } from '../core/clock.ts';
import { Alerts } from './alerts.ts';
import { Destinations } from './destinations.ts';
import { detectorKit, type DetectorKit } from './detectors.ts';
import { Ledger, type Account } from './ledger.ts';
import type { EgressSettings } from './options.ts';
import { SharedLog } from './shared-log.ts';
import { Sites, type Site } from './site.ts';

/** Enough to tell two findings apart. */
const digestBytes = 16;

/** What all requests of one `egressGuard()` have in common. */
export class Guard {
  readonly settings: EgressSettings;
  readonly sites = new Sites();
  readonly destinations: Destinations;
  readonly kit: DetectorKit;
  readonly alerts: Alerts;
  readonly ledger: Ledger;
  readonly shared: SharedLog | undefined;
  readonly #key: string | Buffer;

  constructor(settings: EgressSettings) {
    this.settings = settings;
    this.destinations = new Destinations(settings.destinations);
    this.kit = detectorKit(settings);
    this.alerts = new Alerts(settings.alertWindow, settings.onAlert);
    this.ledger = new Ledger(policyOf(settings), clock.now());
    this.shared = settings.store && new SharedLog(settings.store, this);
    this.#key = settings.key ?? randomBytes(32);
  }

  get blocks(): boolean {
    return this.settings.mode === 'block';
  }

  account(user: string, site: Site): Account {
    return this.ledger.account(user, site, clock.now());
  }

  /** By which two findings can be compared without knowing either. */
  digest(value: string): string {
    return createHmac('sha256', this.#key)
      .update(value, 'latin1')
      .digest()
      .subarray(0, digestBytes)
      .toString('base64url');
  }

  close(): void {
    this.destinations.close();
    this.shared?.close();
  }
}

function policyOf(settings: EgressSettings): Ledger['policy'] {
  const { volume, beaconing, destinations, actions, maxEntries } = settings;
  const { newFor, newBytes, learning, tunnels } = destinations;
  return {
    volume: volume === false ? undefined : volume,
    beaconing: beaconing === false || actions.beacon === 'ignore' ? undefined : beaconing,
    tunnels: tunnels === false || actions['dns-tunnel'] === 'ignore' ? undefined : tunnels,
    ...{ newFor, newBytes, learning, maxEntries },
  };
}
