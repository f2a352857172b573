import { fileURLToPath } from 'node:url'
import typescript from 'typescript'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

it('every type that an exported one consists of is exported too, and what users call has doc comments', () => {
  const { config } = typescript.readConfigFile(`${root}tsconfig.json`, typescript.sys.readFile)
  const { options } = typescript.parseJsonConfigFileContent(config, typescript.sys, root)
  const program = typescript.createProgram([`${root}src/index.ts`], options)
  const checker = program.getTypeChecker()
  const original = (symbol: typescript.Symbol) =>
    symbol.flags & typescript.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const index = checker.getSymbolAtLocation(program.getSourceFile(`${root}src/index.ts`)!)!
  const exported = new Set(checker.getExportsOfModule(index).map(original))

  const missing = new Set<string>()
  /** Looks at what a user of the declaration sees: not at bodies and values. */
  const visit = (node: typescript.Node): void => {
    if (typescript.isBlock(node)) return
    if (typescript.isTypeReferenceNode(node) || typescript.isExpressionWithTypeArguments(node)) {
      const name = typescript.isTypeReferenceNode(node) ? node.typeName : node.expression
      const symbol = original(checker.getSymbolAtLocation(name)!)
      const isOurs = symbol.declarations?.every(
        (place) =>
          place.getSourceFile().fileName.startsWith(`${root}src/`) && !typescript.isTypeParameterDeclaration(place),
      )
      if (isOurs && !exported.has(symbol)) missing.add(symbol.name)
    }
    typescript.forEachChild(node, visit)
  }
  const silent: string[] = []
  for (const symbol of exported) {
    for (const declaration of symbol.declarations ?? []) visit(declaration)
    // words such as `SolverName` say by themselves what they are
    const isWord = symbol.declarations?.every((place) => place.getSourceFile().fileName.includes('/src/backend/'))
    if (!isWord && symbol.getDocumentationComment(checker).length === 0) silent.push(symbol.name)
  }
  expect(exported.size).toBeGreaterThan(40)
  expect([...missing]).toEqual([])
  expect(silent).toEqual([])
})
