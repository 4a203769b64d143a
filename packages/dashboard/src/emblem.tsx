export function Emblem() {
  return <img src="/favicon.svg" alt="" width="24" height="24" />
}
