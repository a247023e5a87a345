// The tools of wit/skill.wit: an object named as the interface, with a method for each function (in camelCase).
// README.md says how the types of WIT look here: a u64 is a BigInt, an option a value or undefined, a variant { tag, val }.

export const tools = {
  shout(text, marks) {
    if (text === "") {
      // What is thrown is the tool's own error: a value of the type that the WIT says.
      throw "there is nothing to shout";
    }
    return text.toUpperCase() + "!".repeat(marks ?? 1);
  },
};
