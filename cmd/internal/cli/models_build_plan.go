package cli

import (
	"fmt"
	"io"
	"regexp"
	"text/tabwriter"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// plan is what models build --plan prints.
type plan struct {
	bundle.Plan
	memory int64 // of the device; 0: none was said
}

var blockNumber = regexp.MustCompile(`(blocks|layers|block|layer|resnets|attentions)\.\d+`)

// group is tensors that differ in their block's number only.
type group struct {
	name, from, to string
	count          int
	bytes          int64
}

// groups keeps the order of the graphs.
func (p plan) groups() (all []*group) {
	byKey := map[string]*group{}
	for _, t := range p.Tensors {
		name := t.Component + "/" + blockNumber.ReplaceAllString(t.Name, "$1.*")
		key := name + t.From + t.To
		if byKey[key] == nil {
			byKey[key] = &group{name: name, from: t.From, to: t.To}
			all = append(all, byKey[key])
		}
		byKey[key].count++
		byKey[key].bytes += t.Bytes
	}
	return all
}

// residency says whether a GPU of that memory holds the stages together; nothing where no memory was said.
func (p plan) residency() string {
	switch {
	case p.memory == 0:
		return ""
	case p.InTurn(p.memory):
		return fmt.Sprintf("; a GPU that gives %s loads its stages in turn", bytesText(p.memory))
	}
	return fmt.Sprintf("; a GPU that gives %s holds all stages together", bytesText(p.memory))
}

func (p plan) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "TENSOR\tNUMBER\tFROM\tTO\tSIZE")
	for _, g := range p.groups() {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", g.name, g.count, g.from, g.to, bytesText(g.bytes))
	}
	fmt.Fprintln(t, "\t\t\t\t")
	fmt.Fprintf(t, "STAGE (%dx%d, %d frames)\tWEIGHTS\tACTIVATIONS\tAT\t\n", p.Clip.Width, p.Clip.Height, p.Clip.Frames)
	for _, s := range p.Stages {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", s.Graph, bytesText(s.Weights), bytesText(s.Activations), s.At)
	}
	for _, h := range p.Held {
		fmt.Fprintf(t, "held on the device: %s\t\t%s\t\t\n", h.Name, bytesText(h.Bytes))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	most := p.Peak()
	sliced := ""
	if p.Slices > 1 {
		sliced = fmt.Sprintf(", attention in %d slices", p.Slices)
	}
	precision := p.Precision
	if p.Chosen != "" {
		precision += " (" + p.Chosen + ")"
	}
	about := ""
	if p.Rough {
		about = "about "
	}
	_, err := fmt.Fprintf(w, "\n%s bundle %s in %s: %s%s on disk (float32 %s); at most %s in memory, in %s%s%s\n",
		p.Family, p.Name, precision, about, bytesText(p.Disk), bytesText(p.Float32), bytesText(most.Weights+most.Activations), most.Graph, sliced, p.residency())
	if m := p.Merged; m != nil && err == nil {
		_, err = fmt.Fprintf(w, "with LoRAs (%d): %d tensors change, %s of them on disk beside the base; merging holds %s of the LoRAs at once\n",
			len(m.LoRAs), m.Tensors, bytesText(m.Own), bytesText(m.Memory))
	}
	return err
}
