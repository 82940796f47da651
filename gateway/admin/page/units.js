// Numbers and times as people read them; what `etherfleet top` prints, too.

function scaled(number, units, step) {
  let index = 0;
  while (number >= step - step / 2000 && index < units.length - 1) {
    number /= step;
    index += 1;
  }
  const digits = index > 0 && number > 0 && number < 9.95 ? 1 : 0;
  return `${number.toFixed(digits)} ${units[index]}`;
}

export function size(bytes) {
  return scaled(bytes, ["B", "kB", "MB", "GB", "TB"], 1000);
}

export function bits(bytesPerSecond) {
  return scaled(8 * bytesPerSecond, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"], 1000);
}

export function span(seconds) {
  const left = Math.max(0, seconds);
  for (const [unit, length, most] of [["s", 1, 90], ["min", 60, 90], ["h", 3600, 36]]) {
    if (left < length * most) return `${Math.round(left / length)} ${unit}`;
  }
  return `${Math.round(left / 86400)} d`;
}

// The calls show "never" as this moment.
const NEVER = "1970-01-01T09:00:00.000Z";

export function since(time, now) {
  return time === NEVER ? "–" : span((Date.parse(now) - Date.parse(time)) / 1000);
}

export function clock(time) {
  const moment = new Date(time);
  const hours = moment.toLocaleTimeString([], { hourCycle: "h23" });
  const isToday = moment.toDateString() === new Date().toDateString();
  return isToday ? hours : `${moment.toLocaleDateString()} ${hours}`;
}
