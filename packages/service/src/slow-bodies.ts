import type { FastifyInstance } from 'fastify';

/** Ends the connection of a request whose body does not come. (The server's own `requestTimeout` is the host's to set.) */
export function refuseSlowBodies(app: FastifyInstance, seconds: number): void {
  const timers = new WeakMap<object, NodeJS.Timeout>();
  app.addHook('onRequest', async ({ raw }, reply) => {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = raw.headers;
    if (length === '0' && encoding === undefined) return;
    const timer = setTimeout(() => raw.destroy(), 1000 * seconds);
    timers.set(raw, timer);
    reply.raw.once('close', () => clearTimeout(timer));
  });
  // the body has been read
  app.addHook('preValidation', async ({ raw }) => clearTimeout(timers.get(raw)));
}
