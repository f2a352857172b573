import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { writeLayer } from '../helpers/layers.js'
import { hasModule, python, runPython } from '../helpers/python.js'
import { runCommandLine } from '../helpers/run-typescript.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const folder = temporaryFolder()
const pandas = hasModule('pandas') && hasModule('pyarrow')
const needsPandas = pandas ? '' : ' (skipped: no pandas and pyarrow for Python)'
const run = async (...args: string[]) => {
  const { code, stdout, stderr } = await runCommandLine(args, {}, folder)
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' })
  return stdout
}
const stem = () =>
  readdirSync(join(folder, 'run', 'pairs'))
    .find((name) => name.endsWith('.npz'))!
    .slice(0, -4)

beforeAll(async () => {
  writeLayer(join(folder, 'layer_3'), { layer: 3, features: 14 })
  writeLayer(join(folder, 'layer_4'), { layer: 4, features: 12 })
  await run('match', 'layer_3', 'layer_4', '--out', 'run', '-q')
  mkdirSync(join(folder, 'labels', 'layer_4'), { recursive: true })
  const line = (index: number, description: string) => `${JSON.stringify({ index: String(index), description })}\n`
  const dangerous = '=HYPERLINK("http://x","y"), and\na second line; "quoted" é'
  writeFileSync(join(folder, 'labels', 'layer_3.jsonl'), line(0, dangerous) + line(1, 'cats') + line(2, 'dogs'))
  const all = Array.from({ length: 12 }, (_, j) => line(j, `meaning ${j}`)).join('')
  writeFileSync(join(folder, 'labels', 'layer_4', 'batch-0.jsonl.gz'), gzipSync(all))
  await run('export', 'run', '--to', 'csv,parquet,jsonl,npy', '--labels', 'labels')
})

describe('files for other programs', () => {
  it('are there', () => {
    expect(readdirSync(join(folder, 'run', 'tables')).sort()).toEqual([
      'P_03_04.npy',
      `${stem()}.csv`,
      `${stem()}.jsonl`,
      `${stem()}.parquet`,
    ])
  })

  it.skipIf(!pandas)(`say the same in numpy and pandas, whichever is read${needsPandas}`, () => {
    const script = `
import sys, json, numpy as np, pandas as pd
stem, tables, npz = sys.argv[1:]
pair = np.load(npz)
csv = pd.read_csv(f'{tables}/{stem}.csv', keep_default_na=True)
parquet = pd.read_parquet(f'{tables}/{stem}.parquet')
lines = pd.read_json(f'{tables}/{stem}.jsonl', lines=True)
assert list(csv.columns) == list(parquet.columns) == list(lines.columns)
n = len(pair['a_to_b'])
partner = pair['a_to_b']
for table in (csv, parquet, lines):
    assert len(table) == n
    for name in ('feature_a', 'feature_b', 'rank_ab', 'rank_ba', 'mutual'):
        assert np.issubdtype(table[name].dtype, np.integer), (name, table[name].dtype)
    assert (table.feature_a == np.arange(n)).all()
    assert (table.feature_b == partner).all()
    for name in ('cost', 'cost_decoder', 'cost_encoder', 'cost_bias', 'cosine_decoder', 'cosine_encoder', 'margin'):
        np.testing.assert_array_equal(table[name].to_numpy().astype(np.float32), pair[name])
    assert (table.rank_ab == pair['rank_ab']).all()
    assert (table.rank_ba == np.where(partner >= 0, pair['rank_ba'][partner], -1)).all()
    mutual = np.where(partner < 0, -1, (pair['rank_ab'] == 0) & (table.rank_ba == 0))
    assert (table.mutual == mutual).all()
    for i, j in enumerate(partner):
        label = table.label_b[i]
        assert (label == f'meaning {j}') if j >= 0 else pd.isna(label), label
    assert list(table.label_a[1:3]) == ['cats', 'dogs'] and table.label_a[3:].isna().all()
assert parquet.cost.dtype == np.float32 and parquet.feature_a.dtype == np.int32
text = parquet.label_a[0]
assert text == lines.label_a[0] and text.startswith('=HYPERLINK'), text
assert csv.label_a[0] == "'" + text
permutation = np.load(f'{tables}/P_03_04.npy')
assert permutation.dtype == np.int32 and (permutation == partner).all()
assert (partner < 0).sum() == 2
print('good')`
    const tables = join(folder, 'run', 'tables')
    expect(runPython(script, [stem(), tables, join(folder, 'run', 'pairs', `${stem()}.npz`)])).toBe('good\n')
  })

  it.skipIf(!pandas)(`open in pyarrow and hold no trace of times${needsPandas}`, async () => {
    const script = `
import sys, pyarrow.parquet as pq
file = pq.ParquetFile(sys.argv[1])
print(file.metadata.num_rows, file.metadata.created_by, [str(field.type) for field in file.schema_arrow][:3])`
    const file = join(folder, 'run', 'tables', `${stem()}.parquet`)
    expect(runPython(script, [file])).toBe("14 sae-match ['int32', 'int32', 'float']\n")
    const hash = () =>
      runPython('import sys, hashlib; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())', [file])
    const before = hash()
    await run('export', 'run', '--to', 'parquet', '--labels', 'labels')
    expect(hash()).toBe(before)
  })

  it.skipIf(python === null)('are opened by numpy and json, whatever command wrote them', async () => {
    await run('nearest', 'layer_3', 'layer_4', '-k', '2', '--out', 'nearest.npz', '-q')
    await run('consistency', 'layer_3', 'layer_4', '--out', 'consistency.json', '-q')
    const script = `
import json, sys, os, numpy as np
os.chdir(sys.argv[1])
nearest = np.load('nearest.npz')
assert nearest['a_to_b'].shape == (14, 2) and nearest['b_to_a'].shape == (12, 2)
for name in os.listdir('run/pairs'):
    if name.endswith('.npz'):
        pair = np.load('run/pairs/' + name)
        assert {pair[key].dtype.str for key in pair.files} <= {'<i4', '<f4', '<f8'}
for name in ['run/run.json', 'consistency.json'] + ['run/pairs/' + name for name in os.listdir('run/pairs') if name.endswith('.json')]:
    assert json.load(open(name))['schemaVersion'] == 1
found = json.load(open('consistency.json'))
for kind in ('signed', 'absolute'):
    matching = found['matchings'][kind]
    pairs = [(i, j) for i, j in enumerate(matching['aToB']) if j >= 0]
    assert len({j for _, j in pairs}) == len(pairs) == 12 and matching['certificate']['optimal']
    cosines = np.array([matching['cosine'][i] for i, _ in pairs])
    value = {'signed': cosines, 'absolute': abs(cosines)}[kind].mean()
    assert abs(value - found['metrics']['pwMcc' + kind.capitalize()]) < 1e-12
print('good')`
    expect(runPython(script, [folder])).toBe('good\n')
  })

  it('lead to questions for judges and back', async () => {
    const asked = JSON.parse(
      await run('judge', 'run', '--labels', 'labels', '--questions', 'questions.jsonl', '--json'),
    )
    expect(asked).toMatchObject({ questions: 'questions.jsonl', seed: 1 })
    expect(asked.count).toBeGreaterThan(0)
    const questions = readFileSync(join(folder, 'questions.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    writeFileSync(
      join(folder, 'answers.jsonl'),
      questions.map(({ id }) => `${JSON.stringify({ id, verdict: 'SAME' })}\n`).join(''),
    )
    const report = JSON.parse(
      await run('judge', '--questions', 'questions.jsonl', '--answers', 'answers.jsonl', '--json'),
    )
    expect(report).toMatchObject({
      answered: asked.count,
      shares: { SAME: { value: 1, high: 1 } },
      score: { value: 3 },
    })
    const text = await run('judge', '--questions', 'questions.jsonl', '--answers', 'answers.jsonl')
    expect(text).toMatch(/SAME +\d+ +100.0 %/)
  })

  it('have no labels where there are none, and say so', async () => {
    expect(await runCommandLine(['export', 'run', '--labels', 'nowhere'], {}, folder)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/labels nowhere \(FILE_NOT_FOUND\)/),
    })
    mkdirSync(join(folder, 'some'))
    writeFileSync(join(folder, 'some', 'layer_4.jsonl'), '{"index":"0","description":"a"}\n')
    const { warnings } = JSON.parse(await run('export', 'run', '--labels', 'some', '--out', 'unlabelled', '--json'))
    expect(warnings).toEqual(['some has no descriptions of layer_3, such as layer_3.jsonl.'])
    expect(await run('export', 'run', '--labels', 'some', '--out', 'unlabelled')).toMatch(
      /^! some has no descriptions/m,
    )
    const asked = await runCommandLine(['judge', 'run', '--labels', 'some', '--questions', 'q.jsonl'], {}, folder)
    expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('no descriptions of layer_3') })
  })

  it('have labels of the SAE that is meant where two are called alike', async () => {
    for (const seed of [1, 2]) {
      writeLayer(join(folder, `seed_${seed}`, 'layer_5'), { layer: 5, features: 12, seed })
      await run('match', join(`seed_${seed}`, 'layer_5'), 'layer_4', '--out', 'alike', '-q')
    }
    const { pairs } = JSON.parse(await run('export', 'alike', '--json'))
    const names: string[] = pairs.map(({ a }: { a: { name: string } }) => a.name)
    expect(new Set(names).size).toBe(2)
    for (const name of names) expect(name).toMatch(/^layer_5@[0-9a-f]{8}$/)
    mkdirSync(join(folder, 'alike-labels'))
    for (const name of [...names, 'layer_4', 'layer_5']) {
      const line = `${JSON.stringify({ index: 0, description: `first of ${name}` })}\n`
      writeFileSync(join(folder, 'alike-labels', `${name}.jsonl`), line)
    }
    const found = JSON.parse(
      await run('export', 'alike', '--labels', 'alike-labels', '--to', 'jsonl', '--out', 'alike-tables', '--json'),
    )
    expect(found.warnings).toEqual([])
    for (const { a, files } of found.pairs) {
      const [first] = readFileSync(join(folder, files[0]), 'utf8').split('\n')
      expect(JSON.parse(first).label_a).toBe(`first of ${a.name}`)
    }
  })

  it('are refused in words that lead on', async () => {
    for (const [args, words] of [
      [['judge', 'run', '--labels', 'labels', '--questions', 'q.jsonl', '--count', '0'], 'at least 1 for --count'],
      [['judge', 'run', '--labels', 'labels', '--questions', 'q.jsonl', '--seed', 'x'], 'for --seed'],
      [['judge', '--questions', 'questions.jsonl', '--answers', 'answers.jsonl', '--bins', '0'], '--bins'],
      [['export', 'run', '--to', 'pickle'], 'csv, parquet, jsonl, npy'],
      [['judge', 'run', '--questions', 'q.jsonl'], '--labels'],
      [['judge', '--questions', 'q.jsonl'], '--answers'],
      [['judge'], '--questions'],
    ] as const) {
      expect(await runCommandLine(args, {}, folder)).toMatchObject({ code: 2, stderr: expect.stringContaining(words) })
    }
    expect(await runCommandLine(['export', 'labels'], {}, folder)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('FILE_NOT_FOUND'),
    })
  })
})
