// Values of every type, there and back, and wrong ones.

const WRONG = {
  a: 256, b: -129, c: 1.5, d: "1", e: -1, f: 2 ** 31, g: 5, h: 5, i: "1", j: 1n, k: 1, l: "ab", m: 5, n: 5, o: {}, p: [256], q: [1],
  r: null, s: "phone", t: { giftwrap: true }, u: { tag: "crypto" }, v: 5, w: undefined, x: [1n, 2], y: [1, -1], z: [1, "2"],
};

export const tools = {
  echo(all) { return all; },
  wrong(all, member) { return { ...all, [member]: WRONG[member] }; },
  async succeed(pay) { return pay; },
  fail(pay) { throw pay; },
  nothing() {},
  none() { throw undefined; },
};
