import type { Session } from './session.ts';

/** Whose sessions the provider has ended: one session of its own, or all of a user. */
export interface Ended {
  readonly sid?: string | undefined;
  readonly subject?: string | undefined;
}

/** Where sessions are kept. What is asked of it rejects when it cannot be reached. */
export interface SessionStore {
  /** @param value of the cookie */
  find(value: string): Session | undefined | Promise<Session | undefined>;
  /** @returns the value of the cookie */
  create(session: Session): Promise<string>;
  /**
   * Puts a session in the place of the one with its id, when that has not been ended.
   *
   * @returns the new value of the cookie, if it has one
   */
  replace(session: Session): Promise<string | undefined>;
  /** Whether the time of the last request is in the session, and so has to be written by `replace`. */
  readonly keepsSeen: boolean;
  end(session: Session): void | Promise<void>;
  endAll(ended: Ended): void | Promise<void>;
  /** @returns false when it was told of this before. @param ttl milliseconds */
  firstTime(id: string, ttl: number): boolean | Promise<boolean>;
  /** Runs this while no other process does it for the session; undefined when another one is at it. */
  exclusively<T>(session: Session, work: () => Promise<T>): Promise<T | undefined>;
  close(): void;
}
