// Package filekind tells formats of pictures, moving pictures and sound by the first bytes of a file, and holds them to the media
// type that a file is said to be of. What only a decoder can tell it does not say. Standard library only.
package filekind

import (
	"bytes"
	"slices"
	"strings"
)

// Most is how many of a file's first bytes are looked at.
const Most = 64

// Kind is a format of files.
type Kind struct {
	Name  string   // for people
	Types []string // media types whose files all begin like this; none: no type says for sure
	least int      // bytes of the shortest head
	magic []string // at the beginning; ? is any byte
}

// kinds are looked through in order: boxes of MP4 hold stills too.
var kinds = []Kind{
	{"PNG", []string{"image/png", "image/apng"}, 33, []string{"\x89PNG\r\n\x1a\n"}},
	{"JPEG", []string{"image/jpeg", "image/jpg", "image/pjpeg"}, 20, []string{"\xff\xd8\xff"}},
	{"WebP", []string{"image/webp"}, 30, []string{"RIFF????WEBP"}},
	{"GIF", []string{"image/gif"}, 13, []string{"GIF8?a"}},
	{"BMP", []string{"image/bmp", "image/x-bmp", "image/x-ms-bmp"}, 26, []string{"BM????\x00\x00\x00\x00"}},
	{"TIFF", []string{"image/tiff"}, 8, []string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"}},
	{"HEIC", []string{"image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence", "image/avif"}, 12, []string{"????ftyphe", "????ftypmi", "????ftypmsf1"}},
	{"AVIF", []string{"image/avif", "image/heif"}, 12, []string{"????ftypavi"}},
	{"JPEG XL", []string{"image/jxl"}, 2, []string{"\xff\x0a"}},
	{"JPEG XL", []string{"image/jxl"}, 12, []string{"\x00\x00\x00\x0cJXL "}},
	{"JPEG 2000", []string{"image/jp2", "image/jpx", "image/jpm"}, 12, []string{"\x00\x00\x00\x0cjP  "}},
	{"SVG", nil, 0, []string{"<svg"}},
	{"XML", nil, 0, []string{"<?xml"}},
	{"HTML", nil, 0, []string{"<!DOCTYPE", "<html"}},
	{"PDF", nil, 0, []string{"%PDF"}},
	{"Photoshop", []string{"image/vnd.adobe.photoshop"}, 26, []string{"8BPS"}},
	{"MP4", boxed, 16, []string{"????ftyp"}},
	{"QuickTime", boxed, 8, []string{"????moov", "????mdat", "????wide", "????free", "????skip", "????pnot", "????uuid"}},
	{"MP4", boxed, 8, []string{"????styp", "????moof", "????sidx"}}, // a segment of a stream
	{"WebM or Matroska", []string{"video/webm", "video/x-matroska", "video/matroska", "audio/webm", "audio/x-matroska", "audio/matroska"}, 16, []string{"\x1a\x45\xdf\xa3"}},
	{"AVI", []string{"video/x-msvideo", "video/avi", "video/msvideo", "video/vnd.avi"}, 24, []string{"RIFF????AVI "}},
	{"WAV", []string{"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"}, 36, []string{"RIFF????WAVE", "RF64????WAVE", "BW64????WAVE", "RIFX????WAVE"}},
	{"Ogg", []string{"video/ogg", "audio/ogg", "application/ogg", "audio/opus", "audio/vorbis"}, 27, []string{"OggS"}},
	{"FLAC", []string{"audio/flac", "audio/x-flac"}, 42, []string{"fLaC"}},
	{"MP3", []string{"audio/mpeg", "audio/mp3", "audio/flac", "audio/x-flac", "audio/aac"}, 10, []string{"ID3", "APETAGEX"}}, // a tag, before any of them
	{"MP3", []string{"audio/mpeg", "audio/mp3"}, 4, []string{"\xff\xfb", "\xff\xfa", "\xff\xf3", "\xff\xf2", "\xff\xe3", "\xff\xe2"}},
	{"MP2", []string{"audio/mpeg"}, 4, []string{"\xff\xfd", "\xff\xfc", "\xff\xf5", "\xff\xf4"}},
	{"AAC", []string{"audio/aac", "audio/x-aac", "audio/aacp"}, 7, []string{"ADIF", "\xff\xf1", "\xff\xf9", "\xff\xf0", "\xff\xf8"}},
	{"Windows icon", []string{"image/x-icon", "image/vnd.microsoft.icon"}, 6, []string{"\x00\x00\x01\x00"}}, // behind MP4, of whose first box it may be the size
}

// boxed are the types of files of boxes. Readers take one for the other, and so do those who name them.
var boxed = []string{"video/mp4", "video/quicktime", "video/x-m4v", "video/3gpp", "video/3gpp2", "video/mj2", "audio/mp4", "audio/x-m4a", "audio/m4a", "audio/3gpp"}

// Of gives the kind of a file that begins with start; false where none is known.
func Of(start []byte) (Kind, bool) {
	for _, k := range kinds {
		if slices.ContainsFunc(k.magic, func(m string) bool { return starts(start, m) }) {
			return k, true
		}
	}
	return Kind{}, false
}

// Known says whether all files of a media type begin in a way that is known here.
func Known(mediaType string) bool {
	return slices.ContainsFunc(kinds, func(k Kind) bool { return k.Is(mediaType) })
}

// File names a file of this kind within a sentence, whatever letter the kind begins with.
func (k Kind) File() string { return "a file of the kind " + k.Name }

// Akin says whether two media types of one sort are names of one kind of files, as video/avi and video/x-msvideo are: which a
// browser sends hangs on its system.
func Akin(one, other string) bool {
	sort, _, _ := strings.Cut(one, "/")
	return strings.HasPrefix(other, sort+"/") && slices.ContainsFunc(kinds, func(k Kind) bool { return k.Is(one) && k.Is(other) })
}

// Is says whether files of this kind are of a media type.
func (k Kind) Is(mediaType string) bool { return slices.Contains(k.Types, mediaType) }

// Like says whether files of this kind are of a media type's sort: pictures, moving pictures or sound.
func (k Kind) Like(mediaType string) bool {
	sort, _, _ := strings.Cut(mediaType, "/")
	return k.Is(mediaType) || slices.ContainsFunc(k.Types, func(t string) bool { return strings.HasPrefix(t, sort+"/") })
}

// Short says whether a file that is no longer than start, whose kind it is, ends within its head.
func (k Kind) Short(start []byte) bool { return len(start) < k.least }

func starts(raw []byte, magic string) bool {
	if len(raw) < len(magic) {
		return false
	}
	if !strings.Contains(magic, "?") || strings.HasPrefix(magic, "<?") {
		return bytes.HasPrefix(raw, []byte(magic))
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != raw[i] {
			return false
		}
	}
	return true
}
