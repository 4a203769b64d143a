export function pathOf(semaphore: string): string {
  return `/v1/semaphores/${encodeURIComponent(semaphore)}`
}
