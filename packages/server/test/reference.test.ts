import { test } from 'vitest';
import { expectExactDescent, expectNinth } from './reference.js';

test('gradient descent, 20 workers on 3 threads, to 1e-9', () => expectExactDescent(20, 3));

test("M3: GD's loss with a ninth of its bytes", () => expectNinth('0'));
