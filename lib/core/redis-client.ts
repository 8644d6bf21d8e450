import { clock } from './clock.ts';

/**
 * A client of the package redis (from version 5 on), as far as sekisho uses it: what `createClient()`,
 * `createCluster()`, `createClientPool()` and `createSentinel()` return.
 */
export interface RedisClientLike {
  readonly isOpen: boolean;
  readonly isReady?: boolean;
  connect(): Promise<unknown>;
  sendCommand(...parameters: never[]): Promise<unknown>;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  off(event: 'error', listener: (error: unknown) => void): unknown;
}

export type RedisArgument = string | Buffer;

/** Strings of any kind arrive as bytes. */
export type RedisReply = Buffer | string | number | null | readonly RedisReply[];

/** Sends one command; the key says which server of a cluster it is for. */
export type RedisSend = (key: string, args: readonly RedisArgument[]) => Promise<RedisReply>;

/** Sends one command to one server, whatever its key. */
export type RedisNode = (args: readonly RedisArgument[]) => Promise<RedisReply>;

export interface RedisBinding {
  readonly client: RedisClientLike;
  readonly send: RedisSend;
  /** The servers that hold keys: one, or all the masters of a cluster. */
  nodes(): Promise<readonly RedisNode[]>;
}

/**
 * 36 is `RESP_TYPES.BLOB_STRING`, named by its number so that a client of the caller's needs no import of ours.
 * No timeout: it costs an AbortSignal per command, and ours is measured from outside.
 */
const binary = { typeMapping: { 36: Buffer }, timeout: undefined };

type Simple = (args: readonly RedisArgument[], options: unknown) => Promise<RedisReply>;

interface SimpleClient extends RedisClientLike {
  sendCommand: Simple;
}
interface SentinelClient extends RedisClientLike {
  sendCommand(readonly: boolean, ...rest: Parameters<Simple>): Promise<RedisReply>;
}
interface ClusterClient extends RedisClientLike {
  readonly masters: readonly unknown[];
  nodeClient(node: unknown): SimpleClient | Promise<SimpleClient>;
  sendCommand(key: string, readonly: boolean, ...rest: Parameters<Simple>): Promise<RedisReply>;
}

/** The four kinds of clients differ in how a raw command is sent. */
export function bindClient(client: RedisClientLike): RedisBinding {
  if ('nodeClient' in client) return bindCluster(client as ClusterClient);
  if ('getMasterNode' in client) return bindSentinel(client as SentinelClient);
  const { sendCommand } = client as SimpleClient;
  const node: RedisNode = (args) => sendCommand.call(client, args, binary);
  return { client, send: (_key, args) => node(args), nodes: () => one(node) };
}

function bindSentinel(client: SentinelClient): RedisBinding {
  // Never from a replica: what was cleared a moment ago would still be there.
  const node: RedisNode = (args) => client.sendCommand(false, args, binary);
  return { client, send: (_key, args) => node(args), nodes: () => one(node) };
}

function bindCluster(client: ClusterClient): RedisBinding {
  return {
    client,
    send: (key, args) => client.sendCommand(key, false, args, binary),
    nodes: () =>
      Promise.all(
        client.masters.map(async (master): Promise<RedisNode> => {
          const node = await client.nodeClient(master);
          return (args) => node.sendCommand(args, binary);
        }),
      ),
  };
}

function one(node: RedisNode): Promise<readonly RedisNode[]> {
  return Promise.resolve([node]);
}

/** The longest a client of our own waits between two attempts to connect (milliseconds). */
const longestBackoff = 2000;

export interface OwnRedisClient extends RedisClientLike {
  destroy(): void;
}

/**
 * A client of our own. It queues nothing while it is not connected and tries for ever to connect; its connection keeps
 * no process alive. The package is loaded only now: an application without Redis does not pay for it.
 */
export async function ownClient(url: string): Promise<OwnRedisClient> {
  const { createClient: create } = await import('redis');
  const client = create({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    socket: {
      connectTimeout: 5000,
      reconnectStrategy: (retries) =>
        Math.min(longestBackoff, 50 * 2 ** Math.min(retries, 10)) * (0.75 + clock.random() / 4),
    },
  });
  client.unref();
  return client;
}
