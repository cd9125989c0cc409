package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
)

// fragments: a key frame about every second, each the beginning of a piece, and none held back for later ones.
func (s Spec) fragments() []string {
	gop := strconv.Itoa(max(int(math.Round(s.FPS)), 1))
	return []string{"-tune", "zerolatency", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-flush_packets", "1", "-f", "mp4", "pipe:1"}
}

// startCutting hands ffmpeg's output on in pieces.
func (e *Encoder) startCutting() error {
	if e.spec.Piece == nil {
		return nil
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	e.pieces = make(chan error, 1)
	go func() {
		err := cutPieces(out, e.spec.Piece)
		if err != nil {
			e.stop(err) // nobody takes what ffmpeg would still write
		}
		e.pieces <- err
	}()
	return nil
}

// cut waits for the last piece. A second time there is nothing to wait for.
func (e *Encoder) cut() error {
	if e.pieces == nil {
		return nil
	}
	err := <-e.pieces
	e.pieces = nil
	return err
}

// maxPiece bounds a piece, in bytes: a second of the largest clip has a fraction of it.
const maxPiece = 256 << 20

// cutPieces splits a fragmented MP4 at its boxes (ISO/IEC 14496-12): what comes before the first moof, then each moof with
// its mdat. The index at the end (mfra) is of no use to who reads as it comes.
func cutPieces(r io.Reader, give func([]byte) error) error {
	var piece []byte
	for {
		name, box, err := readBox(r)
		if err == io.EOF {
			return deliver(piece, give)
		}
		if err != nil {
			return err
		}
		if name == "moof" || name == "mfra" {
			if err := deliver(piece, give); err != nil {
				return err
			}
			piece = nil
		}
		if name != "mfra" {
			piece = append(piece, box...)
		}
	}
}

func deliver(piece []byte, give func([]byte) error) error {
	if len(piece) == 0 {
		return nil
	}
	return give(piece)
}

func readBox(r io.Reader) (name string, box []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 8 || n > maxPiece {
		return "", nil, fmt.Errorf("the encoder wrote a box of %d bytes", n)
	}
	box = make([]byte, n)
	copy(box, head[:])
	_, err = io.ReadFull(r, box[8:])
	return string(head[4:]), box, err
}
