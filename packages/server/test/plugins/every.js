// A compressor that draws nothing: it keeps the coordinates j = round (mod m), times m; ω and θ are bounds of no operator.

/** @type {import('../../../compressors/dist/index.js').CompressorEntry} */
const every = {
  selector(spec, { dimension }) {
    const m = spec.integer('m', 1, dimension) ?? 1;
    const index = new Int32Array(Math.ceil(dimension / m));
    return {
      dimension,
      maxKept: index.length,
      omega: m - 1,
      theta: m - 1,
      alpha: 0,
      density: dimension / m,
      same: true,
      select({ round }, length) {
        let count = 0;
        for (let j = round % m; j < length; j += m) index[count++] = j;
        return { index, count, scale: m };
      },
    };
  },
};

export default { compressors: { every } };
