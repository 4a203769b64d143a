import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { main } from './signalbox.js'

const script = (shell: string): string =>
  spawnSync(process.execPath, [main, 'completion', shell], { encoding: 'utf8' }).stdout

/** What bash offers for the last word. */
function offered(...words: string[]): string[] {
  const quoted = ['signalbox', ...words].map((word) => `'${word}'`).join(' ')
  const ask = `${script('bash')}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${String(words.length)}; _signalbox; printf '%s\\n' "\${COMPREPLY[@]}"`
  return spawnSync('bash', ['--norc', '-c', ask], { encoding: 'utf8' }).stdout.trim().split('\n')
}

test('bash completes commands, options, and after -- programs', () => {
  expect(offered('r')).toEqual(['run', 'release', 'rm'])
  expect(offered('run', 'reports', '--wa')).toEqual(['--wait'])
  expect(offered('run', 'reports', '--u')).toEqual(['--url'])
  expect(offered('run', 'reports', '--', 'bas')).toContain('bash')
  expect(offered('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']))
  expect(offered('run', 'ls', '--for')).toEqual(['--foreground'])
})

test('bash does so behind --url too, which it cuts at the colons', () => {
  const url = ['--url', 'http', ':', '//signalbox', ':', '7600']
  expect(offered('--u')).toEqual(['--url'])
  expect(offered(...url, 'r')).toEqual(['run', 'release', 'rm'])
  expect(offered(...url, 'run', 'reports', '--wa')).toEqual(['--wait'])
})

test('zsh and fish are told of every command', () => {
  const [zsh, fish] = [script('zsh'), script('fish')]
  for (const command of ['run', 'ls', 'show', 'watch', 'set', 'release', 'rm', 'keygen', 'doctor'])
    for (const text of [zsh, fish]) expect(text).toMatch(new RegExp(`\\b${command}\\b`))
  expect(fish).toContain("complete -c signalbox -n '__fish_seen_subcommand_from run' -l limit -d")
  expect(fish).toContain("complete -c signalbox -n '__fish_seen_subcommand_from completion' -f -a zsh")
})

test('another shell is refused: 64', () => {
  expect(spawnSync(process.execPath, [main, 'completion', 'tcsh']).status).toBe(64)
})
