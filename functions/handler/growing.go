package handler

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"os"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/functions/media"
)

// streamPart names the parts of an answer that are a clip in the making: its head, then each chunk as soon as it ends, with how
// long it lasts in SecondsHeader. Together they are one fragmented MP4. The finished clip follows them.
const (
	streamPart    = "stream"
	secondsHeader = "X-Videosdgx-Seconds"
)

// streams says whether who accepts parts wants chunks of the clip first: "multipart/mixed;stream=1", or "stream=auto" of a model
// whose chunks leave long before the last is made.
func (h *Handler) streams(accept string, r Request) bool {
	if r.Width == 0 && r.Height == 0 {
		return false // sound alone
	}
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err == nil && kind == "multipart/mixed" && (params["stream"] == "1" || params["stream"] == "auto" && h.d.Streams) {
			return true
		}
	}
	return false
}

// growing answers with a clip's chunks while it is made, then with the clip, of the same samples, and its pieces.
func (h *Handler) growing(ctx context.Context, r Request) (any, error) {
	boundary := multipart.NewWriter(io.Discard).Boundary()
	heads := map[string]string{"Content-Type": mime.FormatMediaType("multipart/mixed", map[string]string{"boundary": boundary})}
	return h.whileMade(r, heads, func(w io.Writer, begin func()) error {
		all := &openParts{w: w, boundary: boundary}
		f, res, err := h.generate(ctx, r, sink{whole: true, piece: func(mp4 []byte, frames int) error {
			begin()
			return all.chunk(mp4, float64(frames)/r.FPS)
		}})
		if err == nil {
			err = all.finish(f, res.Pieces)
			remove(f)
		}
		return err
	})
}

// openParts writes parts whose end can be seen when they end: the line between two follows the first at once.
type openParts struct {
	w        io.Writer
	boundary string
	began    bool
}

func (p *openParts) chunk(mp4 []byte, seconds float64) error {
	head := partHead(streamPart, "video/mp4", "stream.mp4")
	head.Set(secondsHeader, strconv.FormatFloat(seconds, 'f', -1, 64))
	return p.add(head, bytes.NewReader(mp4), false)
}

// finish adds the clip and what the model gave beside it.
func (p *openParts) finish(f *media.File, pieces []ResultPiece) error {
	clip, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer clip.Close()
	if err := p.add(partHead("clip", f.Type, clipName(f.Type)), clip, len(pieces) == 0); err != nil {
		return err
	}
	for i, one := range pieces {
		if err := p.add(partHead(one.Name, one.ContentType, one.Filename), bytes.NewReader(one.Data), i == len(pieces)-1); err != nil {
			return err
		}
	}
	return nil
}

func (p *openParts) add(head textproto.MIMEHeader, content io.Reader, last bool) error {
	var b strings.Builder
	if !p.began {
		p.began = true
		fmt.Fprintf(&b, "--%s\r\n", p.boundary)
	}
	for name, values := range head {
		fmt.Fprintf(&b, "%s: %s\r\n", name, values[0])
	}
	b.WriteString("\r\n")
	end := "\r\n"
	if last {
		end = "--\r\n"
	}
	_, err := io.Copy(p.w, io.MultiReader(strings.NewReader(b.String()), content, strings.NewReader("\r\n--"+p.boundary+end)))
	return err
}
