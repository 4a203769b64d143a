import { holderText } from './holder-text.js'

export function HolderName({ holder }: { readonly holder: string }) {
  return holder === '' ? <span class="none">no label</span> : <span class="holder">{holderText(holder)}</span>
}
