// The numeric code (数字码): 18 digits beginning with 77, the last one a check digit after Damm.

const ROWS = [
  "0317598642",
  "7092154863",
  "4206871359",
  "1750983426",
  "6123045978",
  "3674209581",
  "5869720134",
  "8945362017",
  "9438617205",
  "2581436790",
];

/** Digits as they are typed or scanned, with or without one space between groups of three. */
export function isNumericCode(text: string): boolean {
  if (!/^77\d( ?\d{3}){5}$/.test(text)) return false;
  let interim = 0;
  for (const digit of text.replaceAll(" ", "")) {
    interim = Number(ROWS[interim]?.charAt(Number(digit)));
  }
  return interim === 0;
}
