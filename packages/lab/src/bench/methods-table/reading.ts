/**
 * What the numbers of the whole page say, beyond what it works out itself: written by hand for its default options. Bytes and
 * rounds in it are the same in every run; seconds are told roughly, for they have processor time in them.
 */
export const READING: readonly string[] = [
  '### In words',
  `- **Fewest bytes: methods that compress both links.** On mushrooms and on MNIST it is those with TopK or RandK of K = d/n coordinates:
  dist-EF-SGD needs 6.6 and 23 times fewer bytes than gradient descent, EF21-P + DCGD 5.9 and 18 times. On the quadratics it is natural
  compression both ways: DORE, EF21-P + DIANA and EF21-BC need 7 to 8 times fewer. A method that leaves one link dense saves at most half at
  equal rounds. The best of those, MARINA-P on the quadratics and EF21 and EF21-P on MNIST, come to 2.7 and 2.5, because their tuned
  step sizes need fewer rounds, too.
- **Which compressor is best hangs on the problem.** On the quadratics K = d/n is 3 of 300, ω = 99: with their own compressors all but MARINA-P
  need 121 rounds or more, where gradient descent needs 19, or do not arrive in 2,000. Natural compression, ω = 1/8, needs 13 to 45 both ways.
  On MNIST TopK with K = d/n costs no rounds: EF21, EF21-P and dist-EF-SGD need 20, EF21-BC 24, gradient descent 28.
- **MARINA-P with PermK does on nearly equal quadratics what its paper says:** gradient descent's rounds, with 261 bytes down in place of
  22.5 kB. With own compressors that makes it the fastest there at 1 and 10 Mbit/s. Rounding behind PermK breaks what makes it exact, and costs nine
  times the rounds. On mushrooms and MNIST, where the workers' functions differ, gradient descent needs 0.39 and 1.5 times its bytes.
- **MARINA, VR-MARINA, DASHA and VR-DIANA need more bytes than gradient descent on every problem they run on,** but for MARINA with PermK
  and natural compression on the quadratics, which is level. They send g or x dense, so that bytes follow rounds, and they bear the smallest
  steps: on mushrooms their tuned γ is about 1 or less where gradient descent's is 19. We read that as the price of an estimate that is
  exact only now and then. M3, which compresses both links, needs 5.4 and 1.5 times fewer than gradient descent on MNIST and the quadratics, and more
  on mushrooms.
- **Slow links go by bytes, fast ones by rounds and work.** At 100 Mbit/s natural compression pays for its entropy code, some 2.5 ms a round at a server
  of 100 workers with d = 300, some 15 ms at one of 20 with d = 7,850: on MNIST it is then, both ways, about three times slower than gradient descent,
  though it sends a fifth to an eighth. CORE pays some 10 ms for its random vectors. With 10 ms of latency rounds decide where frames are small: on
  mushrooms and the quadratics nobody is decidedly ahead of gradient descent then.
- **Base step sizes give other winners.** Tuned ones are 2^0 to 2^18 times larger, and the factor differs from method to method. With base step sizes most
  methods do not arrive within the rounds given, and natural compression wins on all three problems, because its constants are
  close to gradient descent's. A comparison at theory's step sizes compares the constants of proofs.`,
  '### What is not decided',
  `- Who is best among the first few of those that compress both links: no lead is 1.5 or more.
- K was not tuned. K between d/n and d lies between the own compressors and natural compression, and may beat both.
- The targets are near: gradient descent needs 12 to 32 rounds, tuned. Dense first rounds and coins weigh more in so short a run than in a long
  one, and floors are not met: DCGD, dist-EF-SGD and MCM without memory stall where functions differ, and a farther target may end their lead.
- Three seeds, and step sizes tuned on the same runs.
- MNIST is its first 2,000 images. On all 60,000, with the powers of the table and seed 0, the order of bytes is the same but for CORE: dist-EF-SGD needs 48 rounds
  and 181 kB a worker, EF21-P + DCGD 82 and 284 kB, EF21-BC 80 and 359 kB, EF21-P + DIANA with natural compression both ways 114 and 1.05 MB, M3 214 and
  1.33 MB, gradient descent 94 and 5.90 MB; CORE and MARINA did not arrive in 300 rounds. (\`pnpm start --problem softmax --target-loss 0.4 --eval-every 2
  --rounds 300 --method METHOD --step-size 'theory*FACTOR'\`)`,
];
