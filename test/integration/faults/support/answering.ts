/** The child's side of `Child`: says hello, answers questions, and ends with its parent. */
export type Answers = Readonly<Record<string, (argument: never) => unknown>>;

/** Each question is an object with the name of an answer and its argument. */
export function answerQuestions(hello: Readonly<Record<string, unknown>>, answers: Answers): void {
  process.on('message', (question: { id: number } & Record<string, unknown>) => {
    for (const [name, answer] of Object.entries(answers))
      if (name in question)
        process.send?.({ reply: question.id, value: answer(question[name] as never) });
  });
  process.once('disconnect', () => process.exit());
  process.send?.(hello);
}

export function optionsOfProcess(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}
