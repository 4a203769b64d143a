/// <reference lib="esnext.disposable" preserve="true" />
// For projects whose own `lib` ends before it: the declarations made from this file name it.
/**
 * `Symbol.asyncDispose`, also where the runtime lacks it: compilers' `await using` looks it up under this name when a polyfill
 * has not set the property. The SDK itself sets nothing global.
 */
export const asyncDispose: typeof Symbol.asyncDispose =
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- the type says what a newer runtime has
  Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')
