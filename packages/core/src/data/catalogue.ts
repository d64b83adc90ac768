/** A public data set in LIBSVM format. */
export interface CatalogueEntry {
  /** File in the collection. */
  readonly file: string;
  /**
   * SHA-256 of the unpacked file, one for each way of ending its lines that copies have. Left out where it is not known: then
   * the counts are checked alone, and the hash of the first file that passes is kept beside it and holds from then on.
   */
  readonly sha256?: readonly string[];
  /** N */
  readonly samples: number;
  /** d, without a bias. */
  readonly features: number;
  readonly nonZeros?: number;
  /** Where the data come from and on what terms. */
  readonly source: string;
}

/** The binary part of the LIBSVM collection (C.-C. Chang, C.-J. Lin); `FLOTILLA_DATA_URL` names a mirror of it. */
export const COLLECTION = 'https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary/';

/** The public data sets that `--data NAME` fetches, by name. Hashes: CRLF, LF, LF with an end of the last line. */
export const catalogue: Readonly<Record<string, CatalogueEntry>> = {
  mushrooms: {
    file: 'mushrooms',
    sha256: [
      'eb26424a54203ca9e8956ff3e5b10e613dfc3587f65d21bdbdbc28020fd995e0',
      '51919a59d92e6ec922259e77afd91d9a809299613ee0da052a19abe746aa2244',
      'f39a4eb628dc61a7d43760815b061c9e497aa728ce1ad8bde57a09ef6043b538',
    ],
    samples: 8124,
    features: 112,
    nonZeros: 170_604,
    source: 'UCI, Mushroom; CC BY 4.0',
  },
  a9a: {
    file: 'a9a',
    sha256: [
      '35b6bafa772838b1eb3000a6550ff48505ad79aaa381cfd28960e68679f4453b',
      '4358ce9fdb93244de6857eb82178919eb425544ecc85110674c9fd4d86cef87b',
      'f5d5ffd8d865ff41328e7ee043e4b020816914ff6843ff15b98905ddbedce906',
    ],
    samples: 32_561,
    features: 123,
    nonZeros: 451_592,
    source: 'UCI, Adult, made binary by J. Platt; CC BY 4.0',
  },
  w8a: { file: 'w8a', samples: 49_749, features: 300, source: 'web pages, J. Platt; no licence stated' },
  phishing: {
    file: 'phishing',
    sha256: [
      '48bcea643233b42db820c601781db2a32e720e01f7e23be5e9b7326f32dc6503',
      '0b0ca40e17bc95e909bfa587c408bf69904571ace01dea26e34cafc464f2da93',
      '0cf66ef36604c393da9359b2e5d894a2df8aee31fd184633cefa138add2ef08a',
    ],
    samples: 11_055,
    features: 68,
    nonZeros: 331_650,
    source: 'UCI, Phishing Websites; CC BY 4.0',
  },
  gisette: {
    file: 'gisette_scale.bz2',
    samples: 6000,
    features: 5000,
    source: 'NIPS 2003 feature selection challenge (UCI, Gisette), scaled to [−1, 1]; CC BY 4.0',
  },
  madelon: {
    file: 'madelon',
    samples: 2000,
    features: 500,
    source: 'NIPS 2003 feature selection challenge (UCI, Madelon); CC BY 4.0',
  },
  duke: {
    file: 'duke.bz2',
    samples: 44,
    features: 7129,
    source: 'Duke breast cancer, M. West et al., PNAS 98 (2001); no licence stated',
  },
};
