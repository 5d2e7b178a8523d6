// Money as people read it. Amounts are whole micro-dollars and stay whole numbers; nothing is divided.

const DOLLAR = 1_000_000;

/** Micro-dollars as $1.20, with as many decimals as it takes, two at least. */
export function dollars(micro) {
  const part = micro % DOLLAR;
  const decimals = String(part).padStart(6, "0").replace(/0{1,4}$/, "");
  return `$${(micro - part) / DOLLAR}.${decimals}`;
}

/** Millionths as per cent: 62500 is 6.25. */
export function percent(ppm) {
  const part = ppm % 10_000;
  const decimals = String(part).padStart(4, "0").replace(/0+$/, "");
  return `${(ppm - part) / 10_000}${decimals && "."}${decimals}`;
}
