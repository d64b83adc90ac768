/** A file in LIBSVM format. */
export interface DataFile {
  /** File in the collection. */
  readonly file: string;
  /**
   * SHA-256 of the unpacked file, as the collection (a9a, w8a, gisette) or a public copy has it. Left out where it is not
   * known: then the counts are checked alone, and the hash of the first file that passes is kept beside it and holds from
   * then on.
   */
  readonly sha256?: string;
  /** SHA-256 of the same text with uniform blanks and line ends (see `isCopy` in cache.ts), in which copies differ. */
  readonly textSha256?: string;
  /** N */
  readonly samples: number;
  /** d, without a bias; a file of a test part may have fewer than its training part. */
  readonly features: number;
  readonly nonZeros?: number;
}

/** A public data set. */
export interface CatalogueEntry extends DataFile {
  /** The samples that its publishers keep apart for tests, where they do. May have fewer features. */
  readonly test?: DataFile;
  /** Where the data come from and on what terms. */
  readonly source: string;
}

/** The binary part of the LIBSVM collection (C.-C. Chang, C.-J. Lin); `FLOTILLA_DATA_URL` names a mirror of it. */
export const COLLECTION = 'https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary/';

/** The public data sets that `--data NAME` fetches, by name. */
export const catalogue: Readonly<Record<string, CatalogueEntry>> = {
  mushrooms: {
    file: 'mushrooms',
    sha256: 'eb26424a54203ca9e8956ff3e5b10e613dfc3587f65d21bdbdbc28020fd995e0',
    textSha256: '03115cabe65c7634b8e4f1a5581a35cf9c4d1eade64ecfe33620c0efb5891cb9',
    samples: 8124,
    features: 112,
    nonZeros: 170_604,
    source: 'UCI, Mushroom; CC BY 4.0',
  },
  a9a: {
    file: 'a9a',
    sha256: 'f5d5ffd8d865ff41328e7ee043e4b020816914ff6843ff15b98905ddbedce906',
    textSha256: '76b604b2c3f738783537bd3b32893eae66af54b8a41aee534fac1ecea45c1535',
    samples: 32_561,
    features: 123,
    nonZeros: 451_592,
    test: {
      file: 'a9a.t',
      sha256: '1f448a153f0320399a7e40836eb207655b0bde0f21fc941cc472193daa9f5de9',
      textSha256: '0c3135eb9b9d83a4fa007d6e1a3b719f029db78884dafd5a46a4d7eeb4c2b018',
      samples: 16_281,
      features: 122,
      nonZeros: 225_731,
    },
    source: 'UCI, Adult, made binary by J. Platt; CC BY 4.0',
  },
  w8a: {
    file: 'w8a',
    sha256: '6a9fa8fd5f524303240a5db07d4b3d4a51e8b7b4b20a914105d8e3e8c81640f2',
    samples: 49_749,
    features: 300,
    test: { file: 'w8a.t', samples: 14_951, features: 300 },
    source: 'web pages, J. Platt; no licence stated',
  },
  phishing: {
    file: 'phishing',
    sha256: '48bcea643233b42db820c601781db2a32e720e01f7e23be5e9b7326f32dc6503',
    textSha256: '0cf66ef36604c393da9359b2e5d894a2df8aee31fd184633cefa138add2ef08a',
    samples: 11_055,
    features: 68,
    nonZeros: 331_650,
    source: 'UCI, Phishing Websites; CC BY 4.0',
  },
  gisette: {
    file: 'gisette_scale.bz2',
    sha256: '1373f866389039d804c2e8a6db5bb2b41c0de54c89eb45cfc74f82c731df38ec',
    samples: 6000,
    features: 5000,
    test: { file: 'gisette_scale.t.bz2', samples: 1000, features: 5000 },
    source: 'NIPS 2003 feature selection challenge (UCI, Gisette), scaled to [−1, 1]; CC BY 4.0',
  },
  madelon: {
    file: 'madelon',
    samples: 2000,
    features: 500,
    test: { file: 'madelon.t', samples: 600, features: 500 },
    source: 'NIPS 2003 feature selection challenge (UCI, Madelon); CC BY 4.0',
  },
  duke: {
    file: 'duke.bz2',
    samples: 44,
    features: 7129,
    source: 'Duke breast cancer, M. West et al., PNAS 98 (2001); no licence stated',
  },
};
