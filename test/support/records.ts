/** The records of requests, as an observer gets them. */
import type { RequestHandler } from 'express';
import { observe } from '../../lib/core/observing.ts';
import type { Transaction } from '../../lib/core/transaction.ts';
import { until } from './servers.ts';

export interface Recorder {
  readonly handler: RequestHandler;
  readonly records: Transaction[];
  /** The record of the request for this target; fails when none comes, or more than one. */
  readonly record: (target: string) => Promise<Transaction>;
}

export function recorder({ looks = false } = {}): Recorder {
  const records: Transaction[] = [];
  const observer = { looks, onEnd: (record: Transaction) => void records.push(record) };
  return {
    records,
    handler(req, res, next) {
      observe(req, res, observer);
      next();
    },
    async record(target) {
      const found = (): Transaction[] => records.filter((one) => one.target === target);
      await until(() => found().length > 0, `the record of ${target}`);
      // Who would end it twice does so soon.
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (found().length !== 1) throw new Error(`${found().length} records of ${target}`);
      return found()[0] as Transaction;
    },
  };
}
