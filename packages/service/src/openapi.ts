import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { version } from './version.js';

/** GET /openapi.json, from the schemas that requests are held to. To be called before the routes are added. */
export async function addOpenApi(app: FastifyInstance, hasToken: boolean): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Flotilla',
        version,
        description: 'Trainings with compressed messages: start, watch, stop, resume.',
      },
      components: { securitySchemes: hasToken ? { token: { type: 'http', scheme: 'bearer' } } : {} },
      security: hasToken ? [{ token: [] }] : [],
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
