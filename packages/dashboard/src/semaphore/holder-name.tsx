export function HolderName({ holder }: { readonly holder: string }) {
  return holder === '' ? <span class="none">no label</span> : <span class="holder">{holder}</span>
}
