// placeholder until the measured kernel
export function multiply(b: usize, m: usize, out: usize, rows: i32, inner: i32, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      let s: f64 = 0;
      for (let k = 0; k < inner; k++) s += load<f64>(b + ((r * inner + k) << 3)) * load<f64>(m + ((k * columns + c) << 3));
      store<f64>(out + ((r * columns + c) << 3), s);
    }
  }
}
export function gram(a: usize, b: usize, out: usize, rows: i32, length: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < rows; c++) {
      let s: f64 = 0;
      for (let k = 0; k < length; k++) s += load<f64>(a + ((r * length + k) << 3)) * load<f64>(b + ((c * length + k) << 3));
      store<f64>(out + ((r * rows + c) << 3), s);
    }
  }
}
