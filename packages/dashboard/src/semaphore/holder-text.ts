/** Marks that turn the direction of what follows them. */
const directions = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * A holder's label as part of a sentence. With marks of direction in it, it would turn round the rest of the sentence, fence and all,
 * that says whose lease is taken back.
 */
export function holderText(holder: string): string {
  return holder === '' ? 'a holder without a label' : holder.replace(directions, '\ufffd')
}
