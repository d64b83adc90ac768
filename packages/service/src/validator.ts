import { Ajv } from 'ajv';
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify';

const options = { allErrors: false, removeAdditional: false, strictTypes: false, validateFormats: false };
/** A body is what it is. */
const exact = new Ajv({ ...options, coerceTypes: false, useDefaults: false });
/** What stands in an address is text, from which numbers are made. */
const fromText = new Ajv({ ...options, coerceTypes: true, useDefaults: true });

export const validatorCompiler: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
  (httpPart === 'body' ? exact : fromText).compile(schema);

/** What is wrong with a request, in one line: the name, and what is allowed. */
export function refusalOf(errors: FastifySchemaValidationError[], part: string): Error {
  const [{ instancePath, message, params } = { instancePath: '', message: 'is wrong', params: {} }] = errors;
  const { additionalProperty: unknown, allowedValues } = params as Record<string, unknown>;
  const which = unknown ?? (Array.isArray(allowedValues) ? allowedValues.join(', ') : undefined);
  const where = instancePath.slice(1).slice(0, 100) || `the ${part}`;
  return new Error(`${where} ${message}${which === undefined ? '' : `: ${String(which).slice(0, 2000)}`}`);
}
