// The last word of a program in a page: what it found goes to the server that the page came from.

/** Posts the result of `work`, or why there is none. */
export async function answer(work: () => Promise<unknown>): Promise<void> {
  const message = await work().then(
    (result) => ({ result }),
    (error: unknown) => ({ failure: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) }),
  );
  await fetch("/answer", { method: "POST", body: JSON.stringify(message) });
}
