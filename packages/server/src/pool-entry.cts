/**
 * What piscina loads on its threads: CommonJS, because piscina calls `require` first, and Node 20 aborts the whole process
 * when a thread is terminated while `require` links an ECMAScript module (seen in this project's tests). A termination
 * during `import` merely ends it.
 */
export = async ({ module, task }: { module: string; task: unknown }): Promise<unknown> => {
  const { default: run } = (await import(module)) as { default: (task: unknown) => unknown };
  return run(task);
};
