import { createHash } from 'node:crypto'
import type { Block } from './block.js'

const style = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem 1.5rem 4rem }
h2 { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid #8886; font-family: ui-monospace, monospace; font-size: 1.2rem }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884 }
code, pre { font: .875em/1.5 ui-monospace, monospace }
pre { overflow-x: auto; padding: .75rem; background: #8882 }`

/** The page wears its own style and nothing else: no script, no image, no frame around it. */
export const htmlHeaders = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

export function htmlPage(title: string, blocks: readonly Block[]): string {
  const contents = blocks.flatMap((block) =>
    block.kind === 'heading' && block.level === 2
      ? [`<li><a href="#${anchorOf(block.text)}">${inline(block.text)}</a></li>`]
      : [],
  )
  const body = blocks.map((block, index) => (index === 1 ? `<ul>${contents.join('')}</ul>` : '') + htmlOf(block))
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${style}</style></head>
<body>
${body.join('\n')}
</body></html>
`
}

function htmlOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level}${block.level === 2 ? ` id="${anchorOf(block.text)}"` : ''}>${inline(block.text)}</h${block.level}>`
    case 'text':
      return `<p>${inline(block.text)}</p>`
    case 'code':
      return `<pre>${escaped(block.text)}</pre>`
    case 'table': {
      const row = (cells: readonly string[], tag: 'th' | 'td') =>
        `<tr>${cells.map((cell) => `<${tag}>${inline(cell)}</${tag}>`).join('')}</tr>`
      return `<table><thead>${row(block.head, 'th')}</thead><tbody>${block.rows.map((cells) => row(cells, 'td')).join('')}</tbody></table>`
    }
  }
}

function inline(content: string): string {
  return escaped(content).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function anchorOf(content: string): string {
  return content
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}
