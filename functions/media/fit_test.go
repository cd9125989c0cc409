package media

import (
	"context"
	"fmt"
	"image"
	"regexp"
	"strconv"
	"testing"
)

// TestAClipOfTheSizeThatIsToldFits: one that takes more than there is is refused, and one of the size that it is told would not be.
func TestAClipOfTheSizeThatIsToldFits(t *testing.T) {
	would := regexp.MustCompile(`: scale it to ([0-9]+)×([0-9]+) or less, or raise limits.memory: `)
	told := 0
	for _, how := range [][]string{{"-s", "1280x720"}, {"-vf", "scale=720:576,setsar=16/11"}, {"-pix_fmt", "yuv444p10le", "-s", "640x480"}} {
		c, err := OpenClip(context.Background(), made(t, "a.mp4", append(how, "-frames:v", "2", "-preset", "ultrafast")...))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Fits(c.DecoderMemory()); err != nil {
			t.Error(err)
		}
		for room := int64(8 << 20); room < c.DecoderMemory(); room += 8 << 20 {
			err := c.Fits(room)
			refused(t, err, fmt.Sprintf("a clip of %d×%d pixels may take ", c.Width, c.Height), "raise limits.memory")
			m := would.FindStringSubmatch(err.Error())
			if m == nil {
				continue
			}
			told++
			w, _ := strconv.Atoi(m[1])
			h, _ := strconv.Atoi(m[2])
			o := c
			o.Width, o.Height, o.picture.Width, o.picture.Height = w, h, w, h
			if err := o.Fits(room); err != nil || w%2 != 0 || h%2 != 0 {
				t.Errorf("%d × %d in %d: %v", w, h, room, err)
			}
		}
	}
	if told < 5 {
		t.Errorf("%d were told what would fit", told)
	}
}

// TestAPictureThatIsTooLargeIsToldWhatIsNot: of every form, what is offered is taken by the same instance.
func TestAPictureThatIsTooLargeIsToldWhatIsNot(t *testing.T) {
	would := regexp.MustCompile(`scale it to ([0-9]+)×([0-9]+) or less`)
	for name, form := range map[string]func(w, h int) []byte{
		"16 bits":     func(w, h int) []byte { return claim(uint32(w), uint32(h), 16, 6) },
		"gray":        func(w, h int) []byte { return claim(uint32(w), uint32(h), 8, 0) },
		"progressive": func(w, h int) []byte { return blown(ofTest(t, "444-progressive.jpg"), w, h)[:700] },
	} {
		for _, size := range []image.Point{{20000, 20000}, {30000, 8000}, {65000, 65000}} {
			if name == "progressive" {
				size = size.Div(2)
			}
			for _, room := range []int64{64 << 20, 1 << 40} {
				u, err := Look(form(size.X, size.Y), image.Pt(128, 128))
				if err != nil {
					t.Fatal(name, err)
				}
				err = u.Fits(room)
				refused(t, err, "is too large, it may take ")
				m := would.FindStringSubmatch(err.Error())
				if m == nil {
					t.Fatal(name, err)
				}
				w, _ := strconv.Atoi(m[1])
				h, _ := strconv.Atoi(m[2])
				if u, err = Look(form(w, h), image.Pt(128, 128)); err != nil || u.Fits(room) != nil {
					t.Errorf("%s of %v in %d: %d × %d: %v %v", name, size, room, w, h, err, u.Fits(room))
				}
			}
		}
	}
}
