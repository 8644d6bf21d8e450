import type { Request, Response } from 'express';
import type { Transaction } from '../transaction.ts';
import type { Pool } from './pool.ts';
import type { RequestBody } from './request-body.ts';
import type { Prepare } from './sending.ts';

/** What a delivery works on. */
export interface DeliveryOrder {
  readonly pool: Pool;
  readonly req: Request;
  readonly res: Response;
  readonly transaction: Transaction;
  /** The client's body, when it is sent on as it arrives. */
  readonly body: RequestBody | undefined;
  /** The Host to send; undefined is each server's own. */
  readonly host: string | undefined;
  /** Last changes for the chosen server, on a copy per attempt (`on.request`). */
  readonly prepare: Prepare | undefined;
}
