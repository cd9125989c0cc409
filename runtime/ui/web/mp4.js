// Reads what an MP4 says of itself: size, length, and the comment that the model wrote (ISO/IEC 14496-12; the comment is
// QuickTime's ©cmt). Only the parts of the file that are needed are fetched.
import { send } from './api.js';

const part = 256 * 1024;
const most = 16 * 1024 * 1024; // a moov that is larger is not read

async function range(path, from, to, signal) {
  const a = await send('GET', path, { headers: { Range: `bytes=${from}-${to - 1}` }, signal });
  return { data: new DataView(await a.arrayBuffer()), total: Number(a.headers.get('Content-Range')?.split('/')[1] || 0) };
}

const name = (d, at) => String.fromCharCode(...[0, 1, 2, 3].map((i) => d.getUint8(at + i)));

// boxes gives the boxes of a part of a view as {type, at, end}, at being where the content begins.
export function* boxes(d, from = 0, to = d.byteLength) {
  for (let at = from; at + 8 <= to;) {
    let size = d.getUint32(at);
    let head = 8;
    if (size === 1 && at + 16 <= to) { size = Number(d.getBigUint64(at + 8)); head = 16; }
    if (size === 0) size = to - at;
    if (size < head) return;
    yield { type: name(d, at + 4), start: at, at: at + head, end: at + size };
    at += size;
  }
}

const inside = (d, box, type, skip = 0) => [...boxes(d, box.at + skip, Math.min(box.end, d.byteLength))].filter((b) => b.type === type);

export async function read(path, signal) {
  const { data, total } = await range(path, 0, part, signal);
  for (const b of boxes(data, 0, Math.max(total, data.byteLength))) {
    if (b.type !== 'moov') continue;
    if (b.end > data.byteLength || b.at > data.byteLength) {
      return read2(path, b.start, b.end, signal);
    }
    return facts(data, b);
  }
  return total > part ? tail(path, total, signal) : null;
}

// tail looks for a moov that comes after the pictures.
async function tail(path, total, signal) {
  let at = 0;
  for (let i = 0; i < 8 && at < total; i++) {
    const { data } = await range(path, at, Math.min(total, at + 16), signal);
    const [b] = boxes(data, 0, total);
    if (!b) return null;
    if (b.type === 'moov') return read2(path, at, at + b.end, signal);
    at += b.end;
  }
  return null;
}

async function read2(path, from, to, signal) {
  if (to - from > most) return null;
  const { data } = await range(path, from, to, signal);
  return facts(data, { at: 8, end: data.byteLength });
}

// facts reads a moov box.
export function facts(d, moov) {
  const out = { width: 0, height: 0, seconds: 0, comment: '' };
  for (const h of inside(d, moov, 'mvhd')) {
    if (h.end - h.at < 100) continue; // no such box is shorter
    const v1 = d.getUint8(h.at) === 1;
    const scale = d.getUint32(h.at + (v1 ? 20 : 12));
    const length = v1 ? Number(d.getBigUint64(h.at + 24)) : d.getUint32(h.at + 16);
    if (scale && length !== 0xffffffff) out.seconds = length / scale;
  }
  for (const track of inside(d, moov, 'trak')) {
    for (const h of inside(d, track, 'tkhd')) {
      if (h.end - h.at < 84) continue;
      const w = Math.round(d.getUint32(h.end - 8) / 65536);
      if (w > 0) { out.width = w; out.height = Math.round(d.getUint32(h.end - 4) / 65536); }
    }
  }
  for (const u of inside(d, moov, 'udta')) for (const m of inside(d, u, 'meta')) for (const l of inside(d, m, 'ilst', 4)) for (const c of inside(d, l, '\u00a9cmt')) for (const v of inside(d, c, 'data')) {
    out.comment = new TextDecoder().decode(new Uint8Array(d.buffer, d.byteOffset + v.at + 8, v.end - v.at - 8));
  }
  return out;
}
