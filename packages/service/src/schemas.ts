import { STATES } from './run-view.js';

const text = { type: 'string' } as const;
const textOrNull = { type: ['string', 'null'] } as const;
const numberOrNull = { type: ['number', 'null'] } as const;
const integerOrNull = { type: ['integer', 'null'] } as const;
const yes = { type: 'boolean' } as const;

const object = (properties: Readonly<Record<string, object>>) => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
});

const toldError = object({ code: text, message: text });

/** RunView. */
export const runView = object({
  id: { type: 'string', format: 'uuid' },
  state: { type: 'string', enum: STATES },
  created: { type: 'string', format: 'date-time' },
  started: textOrNull,
  ended: textOrNull,
  method: textOrNull,
  problem: textOrNull,
  data: textOrNull,
  workers: integerOrNull,
  seed: textOrNull,
  rounds: integerOrNull,
  round: integerOrNull,
  seconds: numberOrNull,
  loss: numberOrNull,
  gradNormSq: numberOrNull,
  uplinkBytes: integerOrNull,
  downlinkBytes: integerOrNull,
  restarts: integerOrNull,
  resumed: { type: 'integer' },
  stopReason: textOrNull,
  error: { anyOf: [toldError, { type: 'null' }] },
  can: object({ stop: yes, checkpoint: yes, resume: yes, delete: yes }),
});

export const runPage = object({ runs: { type: 'array', items: runView }, next: textOrNull });
export const created = object({ id: { type: 'string', format: 'uuid' } });
export const checkpointTaken = object({ round: { type: 'integer' } });

const names = { type: 'array', items: text } as const;
export const about = object({
  version: text,
  offers: {
    anyOf: [
      object({
        methods: names,
        problems: names,
        data: names,
        uplinks: names,
        downlinks: names,
        limits: { type: 'object', additionalProperties: { type: 'number' } },
      }),
      { type: 'null' },
    ],
  },
  can: object({ start: yes, report: yes }),
});

/** Parameters of a path: looked up, and so not held to any form. */
export const idParameter = object({ id: { type: 'string', maxLength: 200 } });

export const pageQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
    after: { type: 'string', maxLength: 200 },
  },
};

export const sessionBody = {
  type: 'object',
  additionalProperties: false,
  required: ['token'],
  properties: { token: { type: 'string', minLength: 1, maxLength: 1000 } },
};

/** An answer that refuses, by its status. */
export const refusals = Object.fromEntries(
  [400, 401, 403, 404, 409, 413, 429, 500].map((status) => [status, { description: 'refused', ...toldError }]),
);
