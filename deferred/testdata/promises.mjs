// Prints how many nanoseconds one round of a benchmark takes with V8's promises.
//
//   node promises.mjs createFire 10   create a promise, add ten callbacks one after the other, resolve it, and wait for the last
//   node promises.mjs await 1         await a promise that is resolved later
const [name, count] = [process.argv[2], Number(process.argv[3])];

const increment = (v) => v + 1;

async function createFire(rounds) {
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    let resolve;
    let p = new Promise((r) => { resolve = r; });
    for (let i = 0; i < count; i++) {
      p = p.then(increment);
    }
    resolve(1);
    sum += await p; // the callbacks have run then, as they have when Callback returns
  }
  return sum;
}

async function later(rounds) {
  let resolve, sum = 0, left = rounds;
  const body = (async () => {
    while (left-- > 0) {
      sum += await new Promise((r) => { resolve = r; });
    }
  })();
  for (let round = 0; round < rounds; round++) {
    resolve(1);
    await null; // the continuation runs before this goes on
  }
  await body;
  return sum;
}

const run = name === "await" ? later : createFire;
const rounds = Math.floor(2_000_000 / count);
await run(rounds); // lets the compiler warm up
const start = process.hrtime.bigint();
await run(rounds);
console.log(Number(process.hrtime.bigint() - start) / rounds);
