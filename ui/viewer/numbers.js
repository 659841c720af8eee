// Three digits of a number with the language's decimal mark: "+0,123", "−1.2·10⁻⁵".
function digits(value, mark) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  const small = size < 0.001 || size >= 10000;
  const [mantissa, exponent] = (small ? size.toExponential(2) : size.toPrecision(3)).split("e");
  const power = exponent && `·10${String(Number(exponent)).replace(/./g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)])}`;
  return (value > 0 ? "+" : value < 0 ? "−" : "") + mantissa.replace(".", mark) + (power ?? "");
}
