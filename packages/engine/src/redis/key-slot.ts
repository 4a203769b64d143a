/** The slot of a cluster that keeps every key with this hash tag: CRC16 (XMODEM), as the Cluster specification has it. */
export function slotOf(tag: string): number {
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff
  }
  return crc % 16_384
}

/** A hash tag of that slot. One in 16,384 numbers is, so this takes some milliseconds. */
export function tagOf(slot: number): string {
  for (let number = 0; ; number += 1) {
    const tag = number.toString(36)
    if (slotOf(tag) === slot) return tag
  }
}
