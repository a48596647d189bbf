// Writes what TensorFlow.js computes with the face models, for inputs that anybody can make
// again: the numbers that crates/inference is compared with. Usage:
//   npm ci && node reference.mjs ../../target/models > ../../test-vectors/inference/tfjs.json
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { graphModel, recogniser } from './models.mjs';

const folder = process.argv[2];
// Numbers from -1 to 1 by a linear congruence, the same in Rust.
function noise(count, seed) {
  const numbers = new Float32Array(count);
  let state = seed >>> 0;
  for (let at = 0; at < count; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    numbers[at] = (state >>> 8) / 8388608 - 1;
  }
  return numbers;
}
// A hundred or so of each output, evenly spread, so that the file stays small.
function some(values) {
  const step = Math.max(1, Math.floor(values.length / 97));
  const kept = [];
  for (let at = 0; at < values.length; at += step) kept.push(Number(values[at].toPrecision(7)));
  return { length: values.length, step, values: kept };
}

await tf.setBackend('cpu');
const cases = [];
for (const [name, side, seed] of [['blazeface', 256, 1], ['facemesh', 192, 2], ['iris', 64, 3], ['faceres', 224, 4]]) {
  const { model, outputs } = await graphModel(folder, name);
  const input = tf.tensor(noise(side * side * 3, seed), [1, side, side, 3]);
  const keys = Object.keys(outputs).sort();
  const results = model.execute(input, keys.map((key) => outputs[key]));
  const list = Array.isArray(results) ? results : [results];
  const written = {};
  for (const [at, key] of keys.entries()) written[key] = some(await list[at].data());
  cases.push({ model: name, seed, side, outputs: written });
}
const descriptor = recogniser(folder)(tf.tensor(noise(150 * 150 * 3, 5), [1, 150, 150, 3]));
cases.push({ model: 'recogniser', seed: 5, side: 150, outputs: { descriptor: some(await descriptor.data()) } });
const version = JSON.parse(readFileSync(join('node_modules', '@tensorflow', 'tfjs-core', 'package.json'))).version;
process.stdout.write(`${JSON.stringify({ source: `@tensorflow/tfjs ${version}, backend cpu`, cases }, null, 1)}\n`);
