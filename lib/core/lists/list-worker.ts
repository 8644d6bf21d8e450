/** Runs in a thread of its own: reads one list file after the other. */
import { parentPort } from 'node:worker_threads';
import { readList, type ListTask, type LoadedList } from './read-list.ts';

export type ListAnswer = { readonly list: LoadedList } | { readonly error: string };

parentPort?.on('message', (task: ListTask) => {
  parentPort?.postMessage(answerTo(task));
});

function answerTo(task: ListTask): ListAnswer {
  try {
    return { list: readList(task) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
