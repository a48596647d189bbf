// The peer of `cargo xtask bench portrait`: the same models on the same photos under the wasm
// backend of TensorFlow.js, one thread. Reads a line, does the work, answers with the
// milliseconds of processor time that it took. Usage: node peer.mjs MODELS
//   model NAME           one run
//   assess PHOTO         detection over the photo and four tiles, the mesh twice, both eyes
//   compare PHOTO PHOTO  detection, mesh and both recognisers on each
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import jpeg from 'jpeg-js';
import { graphModel, recogniser } from './models.mjs';

setWasmPaths(fileURLToPath(new URL('./node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url)));
setThreadsCount(1);
await tf.setBackend('wasm');
const folder = process.argv[2];
const sides = { blazeface: 256, facemesh: 192, iris: 64, faceres: 224, recogniser: 150 };
const networks = { recogniser: recogniser(folder) };
for (const name of ['blazeface', 'facemesh', 'iris', 'faceres']) {
  const { model, outputs } = await graphModel(folder, name);
  const wanted = name === 'faceres' ? [outputs['global_pooling/Mean']] : Object.values(outputs);
  networks[name] = (input) => model.execute(input, wanted);
}

async function run(name, input) {
  const results = tf.tidy(() => networks[name](input));
  const list = Array.isArray(results) ? results : [results];
  for (const result of list) await result.data();
  tf.dispose(list);
}

// A part of the photo at the size of a model's input; where it lies makes no difference here.
function cut(photo, name, box) {
  return tf.tidy(() => tf.image.cropAndResize(photo, [box], [0], [sides[name], sides[name]]));
}

async function on(photo, name, box) {
  const input = cut(photo, name, box);
  await run(name, input);
  input.dispose();
}

function load(path) {
  const { width, height, data } = jpeg.decode(readFileSync(path), { useTArray: true, formatAsRGBA: false });
  return tf.tidy(() => tf.div(tf.cast(tf.tensor(data, [1, height, width, 3], 'int32'), 'float32'), 127.5));
}

const tiles = [[0, 0, 1, 1], [0, 0, 0.6, 0.6], [0, 0.4, 0.6, 1], [0.4, 0, 1, 0.6], [0.4, 0.4, 1, 1]];
const face = [0.2, 0.2, 0.7, 0.7];
async function find(photo) {
  for (const tile of tiles) await on(photo, 'blazeface', tile);
  for (let time = 0; time < 2; time += 1) await on(photo, 'facemesh', face);
}

async function work(command, rest) {
  if (command === 'model') {
    const input = tf.fill([1, sides[rest[0]], sides[rest[0]], 3], 0.3);
    await run(rest[0], input);
    input.dispose();
    return;
  }
  for (const path of rest) {
    const photo = load(path);
    await find(photo);
    const others = command === 'assess' ? ['iris', 'iris'] : ['recogniser', 'faceres'];
    for (const name of others) await on(photo, name, face);
    photo.dispose();
  }
}

process.stdout.write('ready\n');
for await (const text of createInterface({ input: process.stdin })) {
  const [command, ...rest] = text.split('\t');
  const began = process.cpuUsage();
  await work(command, rest);
  const { user, system } = process.cpuUsage(began);
  process.stdout.write(`${(user + system) / 1000}\n`);
}
