/** How often other work would have had its turn while `work` waits for what is there already. */
export async function turnsOf(work: () => Promise<void>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const count = async () => {
    for (; !isDone; turns++) await Promise.resolve();
  };
  const counting = count();
  try {
    await work();
  } finally {
    isDone = true;
  }
  await counting;
  return turns;
}
