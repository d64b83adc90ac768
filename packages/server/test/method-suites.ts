import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { MethodSuiteOptions } from '../dist/testing/describe-method.js';

const identity = 'identity';
const folder = mkdtempSync(join(tmpdir(), 'flotilla-'));
const file = join(folder, 'samples.svm');
/** Features of sample s, as a LIBSVM file has them. */
export const row = (s: number) =>
  Array.from({ length: 7 }, (_, j) => `${j + 1}:${Math.sin(3 * s + 11 * j * (1 + (s % 5))).toFixed(4)}`).join(' ');
writeFileSync(file, Array.from({ length: 60 }, (_, s) => `${s % 3 === 0 ? 1 : -1} ${row(s)}`).join('\n'));
afterAll(() => rmSync(folder, { recursive: true }));
/** Five workers with twelve samples each. */
export const samples = { problem: 'nonconvex-logistic', data: file, workers: 5 } as const;

/** Every method there is, and what its suite needs to know of it. */
export const suites: Readonly<Record<string, MethodSuiteOptions>> = {
  gd: { identity: { method: 'gd' } },
  dcgd: { identity: { uplink: identity }, unbiased: 'dcgd' },
  diana: { identity: { uplink: identity }, means: { h: 'h' }, unbiased: 'diana' },
  'vr-diana': {
    identity: { method: 'vr-diana:batch=12', uplink: identity },
    means: { h: 'h' },
    problem: samples,
  },
  marina: {
    identity: { method: 'marina:p=0.3', uplink: identity },
    replicas: { x: 'x' },
    unbiased: 'marina:p=0.3',
  },
  'vr-marina': {
    identity: { method: 'vr-marina:batch=12', uplink: identity },
    replicas: { x: 'x' },
    problem: samples,
  },
  'vr-marina:online=true,large-batch=20': { identity: false, replicas: { x: 'x' }, problem: samples },
  'pp-marina': {
    identity: { method: 'pp-marina:p=1', uplink: identity },
    replicas: { x: 'x' },
    unbiased: 'pp-marina:sampled=3,p=0.2',
  },
  'pp-marina:downlink=participants,sampled=3': {
    identity: { method: 'pp-marina:p=1,downlink=participants', uplink: identity },
    unbiased: 'pp-marina:sampled=3,p=0.2,downlink=participants',
  },
  'marina-p': { identity: { method: 'marina-p:p=0.3', downlink: identity }, means: { x: 'w' }, unbiased: 'marina-p' },
  m3: {
    identity: { method: 'm3:p=0.3,beta=1', uplink: identity, downlink: identity },
    means: { x: 'w' },
    unbiased: 'm3:beta=1',
  },
  core: { identity: false, replicas: { x: 'x' }, unbiased: 'core:m=2' },
  'ef21-p': { identity: { downlink: identity }, replicas: { w: 'w' }, variableBytes: true },
  'ef21-p-dcgd': { identity: { downlink: identity, uplink: identity }, replicas: { w: 'w' }, variableBytes: true },
  ef21: { identity: { uplink: identity }, means: { g: 'g' }, variableBytes: true },
  dasha: { identity: { uplink: identity }, means: { g: 'g' }, unbiased: 'dasha', batch: 'dasha:momentum=0.3' },
  'ef21-bc': {
    identity: { uplink: identity, downlink: identity },
    replicas: { x: 'x', g: 'g' },
    means: { estimate: 'estimate' },
    variableBytes: true,
  },
  'ef21-p-diana': {
    identity: { uplink: identity, downlink: identity },
    replicas: { w: 'w' },
    means: { h: 'h' },
    variableBytes: true,
  },
  dore: {
    identity: { uplink: identity, downlink: identity },
    replicas: { x: 'x' },
    means: { h: 'h' },
    unbiased: 'dore:beta=1',
  },
  mcm: { identity: { uplink: identity, downlink: identity }, replicas: { memory: 'memory' }, unbiased: 'mcm' },
  'mcm:memory=true': {
    identity: { uplink: identity, downlink: identity },
    replicas: { memory: 'memory' },
    means: { h: 'h' },
    unbiased: 'mcm:memory=true',
  },
  'rand-mcm': {
    identity: { uplink: identity, downlink: identity },
    perWorker: { memories: 'memory' },
    unbiased: 'rand-mcm',
  },
  'rand-mcm:memory=true': {
    identity: { uplink: identity, downlink: identity },
    perWorker: { memories: 'memory' },
    means: { h: 'h' },
  },
  'dist-ef-sgd': { identity: { uplink: identity, downlink: identity }, replicas: { x: 'x' }, variableBytes: true },
};
