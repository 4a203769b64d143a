import type { Block } from './block.js'

export function markdownPage(blocks: readonly Block[]): string {
  return `${blocks.map(markdownBlock).join('\n\n')}\n`
}

function markdownBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${block.text}`
    case 'text':
      return block.text
    case 'code':
      return `\`\`\`json\n${block.text}\n\`\`\``
    case 'table':
      return [block.head, block.head.map(() => '---'), ...block.rows].map(rowOf).join('\n')
  }
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
