import { test } from 'vitest';
import { expectExactDescent } from './reference.js';

test('gradient descent, 20 workers on 3 threads, to 1e-9', () => expectExactDescent(20, 3));
