export default { compressors: { mine: {} } };
