// Does what `promises.py` asks for.

function crash() {
  throw new RangeError("it broke");
}

export const tools = {
  async probe(what) {
    switch (what) {
      case "out": console.log("to", "out"); break;
      case "err": console.error("to err"); break;
      case "tab": console.log("a\tb"); break;
      case "print and crash": console.log("before"); crash();
      case "crash": crash();
      case "crash later": return new Promise((_, reject) => setTimeout(() => reject(new RangeError("it broke")), 1));
      case "fail": throw "mine";
      case "time": return String(Math.floor(new Date().getTime() / 1000));
      case "random": return `${Math.random()} ${crypto.randomUUID()}`;
      case "wrong value": return 5;
      case "wrong failure": throw 5;
      case "nothing": return undefined;
      case "network": await fetch("https://example.com/");
    }
    return "done";
  },
};
