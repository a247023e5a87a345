// What the skill needs of the language after the code has run, held before: the code may change all of it.
// Functions over `this` become functions of a first parameter. Loops below go by index, since iterators can be changed.

const { apply } = Reflect;

const held = (f) => (self, ...rest) => apply(f, self, rest);

const getter = (object, name) => held(Object.getOwnPropertyDescriptor(object, name).get);

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype);

export const ownKeys = Reflect.ownKeys;
export const keys = Object.keys;
export const describe = Reflect.getOwnPropertyDescriptor;
export const define = Reflect.defineProperty;
export const prototypeOf = Reflect.getPrototypeOf;
export const isArray = Array.isArray;
export const isError = Error.isError;
export const stringify = JSON.stringify;
export const parse = JSON.parse;
export const objectPrototype = Object.prototype;
export const arrayPrototype = Array.prototype;
export const toText = String;
export const toNumber = Number;
export const trunc = Math.trunc;
export const isFinite = Number.isFinite;
export const PlainPromise = Promise;
export const globalEval = eval;
export const call = apply;

export const charAt = held(String.prototype.charAt);
export const charCodeAt = held(String.prototype.charCodeAt);
export const slice = held(String.prototype.slice);
export const indexOf = held(String.prototype.indexOf);
export const startsWith = held(String.prototype.startsWith);
export const repeat = held(String.prototype.repeat);
export const wellFormed = held(String.prototype.toWellFormed);
export const exec = held(RegExp.prototype.exec);
export const symbolText = held(Symbol.prototype.toString);
export const bigText = held(BigInt.prototype.toString);
export const functionText = held(Function.prototype.toString);
export const dateTime = held(Date.prototype.getTime);
export const dateText = held(Date.prototype.toISOString);
export const regexText = held(RegExp.prototype.toString);
export const mapForEach = held(Map.prototype.forEach);
export const mapGet = held(Map.prototype.get);
export const mapSet = held(Map.prototype.set);
export const setForEach = held(Set.prototype.forEach);
export const mapSize = getter(Map.prototype, "size");
export const setSize = getter(Set.prototype, "size");
export const stackOf = getter(Error.prototype, "stack");
export const typedName = getter(TypedArray, Symbol.toStringTag);
export const typedLength = getter(TypedArray, "length");
export const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
export const then = held(Promise.prototype.then);
export const booleanValue = held(Boolean.prototype.valueOf);
export const numberValue = held(Number.prototype.valueOf);
export const stringValue = held(String.prototype.valueOf);

const encode = held(TextEncoder.prototype.encode);
const encoder = new TextEncoder();
const byteLength = getter(TypedArray, "byteLength");

// How long a text is in UTF-8 once it is JSON, without the quotation marks.
export const sizeAsJson = (text) => byteLength(encode(encoder, stringify(text))) - 2;

// The end of an array, without a method that could be another by now.
export const push = (array, item) => {
  define(array, array.length, { value: item, writable: true, enumerable: true, configurable: true, __proto__: null });
};

export const join = (texts, between) => {
  let all = "";
  for (let i = 0; i < texts.length; i++) all += i === 0 ? texts[i] : between + texts[i];
  return all;
};
