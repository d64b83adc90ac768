export default { compressors: { natural: { quantizer() {} } } };
