// The tools of wit/skill.wit: an object with the name of the interface, and a method for each function (in camelCase).
// README.md explains the types: a u64 is a BigInt, an option is a value or undefined, a variant is { tag, val }.

export const tools = {
  shout(text, marks) {
    if (text === "") {
      // Throw the tool's own error: a value of the error type in the WIT.
      throw "the text is empty";
    }
    return text.toUpperCase() + "!".repeat(marks ?? 1);
  },
};
