"""Makes pictures/: files in every form that is accepted, and NAME.rgb, what Pillow makes of NAME with exif_transpose and
convert("RGB"): width and height as two little-endian uint32, then the pixels. resize/ has NAME.rgb of Pillow's resize.
Pillow 13.0.0."""
import io, os, struct, sys, zlib
import numpy as np
from PIL import Image, ImageOps

out = sys.argv[1]
os.makedirs(out + "/pictures", exist_ok=True)
os.makedirs(out + "/resize", exist_ok=True)


def keep(folder, name, image):
    with open(f"{out}/{folder}/{name}.rgb", "wb") as f:
        f.write(struct.pack("<II", *image.size) + image.tobytes())


def made(name, data):
    with open(f"{out}/pictures/{name}", "wb") as f:
        f.write(data)
    keep("pictures", name, ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def saved(name, image, kind, **how):
    b = io.BytesIO()
    image.save(b, kind, **how)
    made(name, b.getvalue())


def png(w, h, depth, colour, rows, extra=(), interlace=0):
    def chunk(n, b):
        return struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b))
    head = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunk(*e) for e in extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


w, h = 23, 14
r = np.random.default_rng(5)
y, x = np.mgrid[0:h, 0:w]
smooth = np.stack([x * 255 // (w - 1), y * 255 // (h - 1), (x * 7 + y * 13) % 256], -1).astype(np.uint8)
smooth[3:7, 4:11] = (250, 20, 40)
im = Image.fromarray(smooth)
noisy = Image.fromarray(r.integers(0, 256, (h, w, 3), np.uint8))
alpha = Image.fromarray(np.dstack([smooth, (x * 11 % 256).astype(np.uint8)]))

for o in range(1, 9):
    exif = Image.Exif()
    exif[0x112] = o
    saved(f"exif{o}.jpg", im, "JPEG", exif=exif, quality=95)
    saved(f"exif{o}.png", im, "PNG", exif=exif)
saved("exif7.webp", im, "WEBP", exif=exif, lossless=True)
for name, sub in ("444", 0), ("422", 1), ("420", 2):
    saved(f"{name}.jpg", im, "JPEG", subsampling=sub, quality=90)
    saved(f"{name}-progressive.jpg", noisy, "JPEG", subsampling=sub, quality=90, progressive=True)
saved("gray.jpg", im.convert("L"), "JPEG")
saved("cmyk.jpg", noisy.convert("CMYK"), "JPEG", quality=95)
b = io.BytesIO()
noisy.convert("CMYK").save(b, "JPEG", quality=95)
raw = b.getvalue()
at = raw.index(b"\xff\xee")
made("cmyk-noadobe.jpg", raw[:at] + raw[at + 16:])
saved("rgb.png", im, "PNG")
saved("rgba.png", alpha, "PNG")
saved("la.png", alpha.convert("LA"), "PNG")
saved("palette.png", im.convert("P", palette=Image.ADAPTIVE, colors=16), "PNG")
saved("palette-trns.png", im.convert("P", palette=Image.ADAPTIVE, colors=200), "PNG", transparency=bytes([0, 100] + [255] * 50))
saved("1bit.png", im.convert("1"), "PNG")
saved("rgb-trns.png", im, "PNG", transparency=(250, 20, 40))
saved("gray-trns.png", im.convert("L"), "PNG", transparency=83)
for depth in 1, 2, 4, 8, 16:
    n = (w * depth + 7) // 8
    lines = r.integers(0, 256, (h, n), np.uint8).tobytes()
    rows = b"".join(b"\0" + lines[i * n:(i + 1) * n] for i in range(h))
    made(f"gray{depth}.png", png(w, h, depth, 0, rows))
    if depth < 16:
        table = r.integers(0, 256, 3 * 2**depth, np.uint8).tobytes()
        made(f"palette{depth}.png", png(w, h, depth, 3, rows, [(b"PLTE", table)]))
    if depth >= 8:
        for colour, parts in (2, 3), (4, 2), (6, 4):
            n2 = w * parts * depth // 8
            rows2 = b"".join(b"\0" + r.integers(0, 256, n2, np.uint8).tobytes() for _ in range(h))
            made(f"colour{colour}-{depth}.png", png(w, h, depth, colour, rows2))


def adam7(pixels):
    rows = b""
    for x0, y0, dx, dy in (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2):
        for line in pixels[y0::dy, x0::dx]:
            rows += b"\0" + line.tobytes()
    return rows


made("interlaced.png", png(w, h, 8, 2, adam7(smooth), interlace=1))
made("interlaced-rgba.png", png(w, h, 8, 6, adam7(np.asarray(alpha)), interlace=1))
saved("lossy.webp", im, "WEBP", quality=80)
saved("lossy-noisy.webp", noisy, "WEBP", quality=90)
saved("lossy-alpha.webp", alpha, "WEBP", quality=80, exact=True)
saved("lossless.webp", noisy, "WEBP", lossless=True)
saved("lossless-alpha.webp", alpha, "WEBP", lossless=True, exact=True)
p = im.convert("P", palette=Image.ADAPTIVE, colors=30)
saved("plain.gif", p, "GIF")
saved("transparent.gif", p, "GIF", transparency=3)
saved("interlaced.gif", p, "GIF", interlace=1)
saved("animated.gif", p, "GIF", save_all=True, append_images=[noisy.convert("P")], duration=100)
b = io.BytesIO()
p.save(b, "GIF")
raw = bytearray(b.getvalue())
raw[6:10] = struct.pack("<HH", w + 6, h + 4)
at = raw.index(b"\x2c", 13 + 3 * 2 ** ((raw[10] & 7) + 1))
raw[at + 1:at + 5] = struct.pack("<HH", 4, 3)
made("offset.gif", bytes(raw))
saved("rgb.bmp", im, "BMP")
saved("gray.bmp", im.convert("L"), "BMP")
saved("1bit.bmp", im.convert("1"), "BMP")
saved("palette.bmp", p, "BMP")
for name, size in ("small", (9, 5)), ("same-width", (23, 8)), ("same-height", (8, 14)), ("large", (61, 40)), ("tiny", (1, 1)):
    keep("resize", f"lanczos-{name}", noisy.resize(size, Image.LANCZOS))
    keep("resize", f"bicubic-{name}", noisy.resize(size, Image.BICUBIC))
keep("resize", "source", noisy)
ramp = np.arange(0, w * h * 2, 2, dtype=">u2").reshape(h, w)
rows = b"".join(b"\0" + line.tobytes() for line in ramp)
made("gray16-dark.png", png(w, h, 16, 0, rows))
made("gray16-trns.png", png(w, h, 16, 0, rows, [(b"tRNS", b"\x00\x28")]))
