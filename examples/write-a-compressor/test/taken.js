export default { compressors: { natural: { round() {} } } };
