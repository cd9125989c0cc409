package rest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/internal/filekind"
)

// incoming is a file on its way in, with its first bytes looked at.
type incoming struct {
	*bufio.Reader
	start []byte // as many as filekind wants, or all there are
	whole bool   // false: there would be more of them, which whoever reads on finds missing
}

func look(r *bufio.Reader) incoming {
	start, err := r.Peek(filekind.Most)
	return incoming{r, start, err == nil || errors.Is(err, io.EOF)}
}

// misfit says, after the name of what holds a file, why it is not what is said of it, or what the field takes; "": nothing does that
// can be told without a decoder. Of a file's sort (pictures, moving pictures, sound) its sender has to be right; of which kind it is
// within it, the file itself is believed: cameras and browsers go by names.
func (in incoming) misfit(said string, p schema.File) string {
	kind, known := filekind.Of(in.start)
	said = plainType(said)
	switch {
	case !in.whole:
		return ""
	case filekind.Known(said) && (!known || !kind.Like(said)):
		return "is said to be " + said + ", and " + begins(kind, known) + ": send " + either(p.Types, said)
	case len(p.Types) > 0 && allKnown(p.Types) && !slices.ContainsFunc(p.Types, kind.Is):
		return begins(kind, known) + ": it must be " + strings.Join(p.Types, " or ")
	case known && kind.Short(in.start):
		return fmt.Sprintf("is %s that ends in its head, after %d bytes: send it whole", kind.File(), len(in.start))
	}
	return ""
}

func begins(k filekind.Kind, known bool) string {
	if known {
		return "is " + k.File()
	}
	return "begins like no file of a kind that is known here"
}

// either names the types that would do.
func either(types []string, said string) string {
	if len(types) == 0 {
		return said
	}
	return strings.Join(types, " or ")
}

func allKnown(types []string) bool {
	return !slices.ContainsFunc(types, func(t string) bool { return !filekind.Known(t) })
}

// typeOf is the media type that a file is kept under: what its sender says, where the file does not say that it is another.
func (in incoming) typeOf(said string) string {
	kind, known := filekind.Of(in.start)
	if plain := plainType(said); !known || len(kind.Types) == 0 || kind.Is(plain) || plain != "" && plain != "application/octet-stream" && !filekind.Known(plain) {
		return said
	}
	return kind.Types[0]
}

// dataType is the media type that a data: URL names; "": it is none.
func dataType(value string) string {
	data, ok := strings.CutPrefix(value, "data:")
	kind, _, cut := strings.Cut(data, ";")
	if !ok || !cut {
		return ""
	}
	return kind
}

// plainType is a media type without its parameters; "": it is none.
func plainType(said string) string {
	kind, _, err := mime.ParseMediaType(said)
	if err != nil {
		return ""
	}
	return kind
}
