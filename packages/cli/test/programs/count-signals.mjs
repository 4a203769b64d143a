// Says each of the signals named by its arguments, and for the how-manyeth time; ends with its input. A shell may run a trap once for two.
/** @type {Map<string, number>} */
const counts = new Map()
for (const signal of process.argv.slice(2)) {
  process.on(signal, () => {
    counts.set(signal, (counts.get(signal) ?? 0) + 1)
    console.log(`${signal} ${String(counts.get(signal))}`)
  })
}
process.stdin.on('end', () => process.exit(0)).resume()
console.log('ready')
