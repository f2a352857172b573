// Run by terminal.test.ts: what stands on a terminal after a drawn line, a note, and a warning of Node.
Object.defineProperty(process.stderr, 'isTTY', { value: true })
const { processTerminal } = await import('../../src/cli/terminal.js')
const terminal = processTerminal()
terminal.redraw('line 1')
terminal.note('a note')
terminal.redraw('line 2')
process.emitWarning('beware')
