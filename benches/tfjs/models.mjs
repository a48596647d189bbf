// The models under TensorFlow.js.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { loadGraphModel } from '@tensorflow/tfjs-converter';

function bytes(folder, name) {
  const file = readFileSync(join(folder, name));
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
}

// A graph model from files, and the names of its outputs.
export async function graphModel(folder, name) {
  const json = JSON.parse(readFileSync(join(folder, `${name}.json`)));
  const signature = json.signature ?? json.userDefinedMetadata.signature;
  const weightSpecs = json.weightsManifest.flatMap((group) => group.weights);
  const model = await loadGraphModel({
    load: async () => ({ modelTopology: json.modelTopology, weightSpecs, weightData: bytes(folder, `${name}.bin`), signature }),
  });
  const outputs = Object.fromEntries(Object.entries(signature.outputs).map(([key, it]) => [key, it.name]));
  return { model, outputs };
}

// The residual network of 29 layers that dlib published, from the weights that face-api keeps of it.
export function recogniser(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, 'recogniser.json')));
  const entries = manifest.flatMap((group) => group.weights);
  const weights = tf.io.decodeWeights(bytes(folder, 'recogniser.bin'), entries);
  const layer = (x, name, stride, padding) => {
    const sums = tf.add(tf.conv2d(x, weights[`${name}/conv/filters`], stride, padding), weights[`${name}/conv/bias`]);
    return tf.add(tf.mul(sums, weights[`${name}/scale/weights`]), weights[`${name}/scale/biases`]);
  };
  const twice = (x, name, stride, padding) => layer(tf.relu(layer(x, `${name}/conv1`, stride, padding)), `${name}/conv2`, 1, 'same');
  const block = (x, name) => tf.relu(tf.add(twice(x, name, 1, 'same'), x));
  const smaller = (x, name) => {
    const inner = twice(x, name, 2, 'valid');
    const pooled = tf.avgPool(x, 2, 2, 'valid');
    const [, rows, columns, channels] = pooled.shape;
    const padded = tf.pad(inner, [[0, 0], [0, rows - inner.shape[1]], [0, columns - inner.shape[2]], [0, 0]]);
    return tf.relu(tf.add(padded, tf.pad(pooled, [[0, 0], [0, 0], [0, 0], [0, inner.shape[3] - channels]])));
  };
  return (input) => tf.tidy(() => {
    let x = tf.maxPool(tf.relu(layer(input, 'conv32_down', 2, 'valid')), 3, 2, 'valid');
    for (const name of blocks) x = name.includes('down') ? smaller(x, name) : block(x, name);
    return tf.matMul(tf.mean(x, [1, 2]), weights.fc);
  });
}
const blocks = ['conv32_1', 'conv32_2', 'conv32_3', 'conv64_down', 'conv64_1', 'conv64_2', 'conv64_3', 'conv128_down',
  'conv128_1', 'conv128_2', 'conv256_down', 'conv256_1', 'conv256_2', 'conv256_down_out'];
