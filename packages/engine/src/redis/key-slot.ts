/** The slot of a cluster that keys with this hash tag are in: CRC-16/XMODEM of its bytes, modulo the number of slots. */
export function keySlot(tag: string): number {
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021
    crc &= 0xffff
  }
  return crc % 16_384
}

const tags = new Map<number, string>()

/** A hash tag of this slot, always the same. */
export function tagOfSlot(slot: number): string {
  let tag = tags.get(slot)
  // By trying: there are as many as there are slots, so it takes some 16,384 tries.
  for (let number = 0; tag === undefined; number += 1) {
    if (keySlot(String(number)) === slot) tag = String(number)
  }
  tags.set(slot, tag)
  return tag
}
