import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { drawCharts } from './chart.js'
import type { Report } from './report.js'

/* A program: draws the charts again, from what `--json` wrote. */
const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), process.argv[2] ?? '')
drawCharts(JSON.parse(readFileSync(file, 'utf8')) as Report, new URL('../charts/', import.meta.url))
