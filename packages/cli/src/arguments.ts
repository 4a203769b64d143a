import { InvalidArgumentError } from 'commander'
import { durationMsOf } from './duration.js'

/** For commander: each says what was given and what it may be. */
export function duration(text: string): number {
  const ms = durationMsOf(text)
  if (ms === null) throw new InvalidArgumentError('It is a whole number and a unit: 500ms, 90s, 10m, 2h, 1d.')
  return ms
}

export function durationAboveZero(text: string): number {
  const ms = duration(text)
  if (ms === 0) throw new InvalidArgumentError('It must be more than 0.')
  return ms
}

export function count(text: string): number {
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('It is a whole number, 0 or more.')
  return Number(text)
}

export function countAboveZero(text: string): number {
  const number = count(text)
  if (number === 0) throw new InvalidArgumentError('It must be more than 0.')
  return number
}
