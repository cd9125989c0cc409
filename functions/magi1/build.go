package magi1

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Family is what the manifest of a MAGI-1 bundle calls its model.
const Family = "magi1"

// Recipe says what becomes of a checkpoint: a folder with model_index.json that names transformer, vae, text_encoder and
// tokenizer, each a folder with the published files and their configuration, and special_tokens.npz beside it.
func Recipe(ckpt *weights.Checkpoint) (bundle.Recipe, error) {
	if err := refusePickles(ckpt); err != nil {
		return bundle.Recipe{}, err
	}
	if err := checkFP8(ckpt.Components["transformer"]); err != nil {
		return bundle.Recipe{}, err
	}
	r := bundle.FromCheckpoint(Family, ckpt)
	r.Precision, r.Blackwell = string(quant.NF4), string(quant.NVFP4)
	r.Transformers, r.Half, r.Because = []string{"transformer"}, "fp16", "FP16 is within 2e-2 of the reference, BF16 is not"
	c, err := parseConfigs(r.Configs)
	if err != nil {
		return r, err
	}
	p := &Pipeline{c: c}
	dir := filepath.Join(ckpt.Dir, "tokenizer")
	if p.tokenizer, err = text.Load(dir); err != nil {
		return r, fmt.Errorf("%w; where there is spiece.model alone, `python3 -c \"from transformers import AutoTokenizer as T; T.from_pretrained('%s').save_pretrained('%s')\"` writes tokenizer.json", err, dir, dir)
	}
	if p.defaults, err = parseDefaults(r.Defaults, c.Runtime); err != nil {
		return r, err
	}
	special := filepath.Join(ckpt.Dir, specialFile)
	if _, err := readSpecial(special, int(c.Model.CaptionSize)); err != nil {
		return r, fmt.Errorf("%w; the published one lies in the code's example/assets", err)
	}
	r.Files = append(r.Files, bundle.File{From: special, To: specialFile})
	r.Schema = handler.Schema(Model{Pipeline: p}.Describe())
	r.Graphs, r.Sizes, r.Held = c.graphs(), c.sizes, c.held
	r.Clip = bundle.ClipSize{Width: c.Runtime.Width, Height: c.Runtime.Height, Frames: c.Runtime.NumFrames}
	return r, nil
}

// refusePickles tells of components whose weights are there as pickles only.
func refusePickles(ckpt *weights.Checkpoint) error {
	for _, name := range []string{"transformer", "vae", "text_encoder"} {
		c := ckpt.Components[name]
		if c == nil || len(c.Names()) > 0 {
			continue
		}
		entries, err := os.ReadDir(c.Dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			switch strings.ToLower(filepath.Ext(e.Name())) {
			case ".bin", ".pt", ".pth", ".ckpt":
				return fmt.Errorf("%s has its weights as %s, a pickle, which is a program that runs when it is opened: convert it once where you trust it, %s: %w", c.Dir, e.Name(), conversion(name, c.Dir, e.Name()), errdefs.ErrNotImplemented)
			}
		}
	}
	return nil
}

// conversion is the command that writes a component's weights as safetensors beside the pickle.
func conversion(component, dir, file string) string {
	if component == "text_encoder" {
		return fmt.Sprintf(`with python3 -c "from transformers import T5EncoderModel as M; M.from_pretrained('%s').save_pretrained('%s')"`, dir, dir)
	}
	return fmt.Sprintf(`with python3 -c "import torch; from safetensors.torch import save_file; save_file(torch.load('%s', weights_only=True), '%s')"`,
		filepath.Join(dir, file), filepath.Join(dir, "model.safetensors"))
}

// sizes are the dimensions of every graph for a clip.
func (c configs) sizes(clip bundle.ClipSize) map[string]map[string]int64 {
	patch := c.VAE.Coder.PatchSize
	rows, columns, frames := int64(clip.Height)/patch, int64(clip.Width)/patch, int64(c.Runtime.ChunkWidth)
	tokens := frames * (rows / c.Model.PatchSize) * (columns / c.Model.PatchSize)
	transformer := map[string]int64{"batch": 1, "frames": frames, "height": rows, "width": columns, "tokens": tokens, "text": int64(c.textTokens())}
	for i := range c.Runtime.Slots() {
		transformer[fmt.Sprintf("past%d", i)] = tokens
	}
	t := publishedTiling(c.Runtime.FPS)
	high, wide := min(t.Height, int64(clip.Height)), min(t.Width, int64(clip.Width))
	tile := map[string]int64{"batch": 1, "frames": t.Frames, "height": high, "width": wide, "latent_frames": t.Frames / c.VAE.Coder.PatchLength, "rows": high / patch, "columns": wide / patch}
	return map[string]map[string]int64{
		graphText: {"batch": 1, "tokens": int64(c.textTokens())}, graphTables: {"tokens": c.Model.CaptionTokens},
		graphTransformer: transformer, graphEncode: tile, graphDecode: tile,
	}
}

// held is the bound of what chunks leave behind: keys and values of as many chunks as are attended to, of those of one pass that are
// in flight, and of the oldest's and the clean one's of another, as float32. It does not grow with the clip. Where a clean chunk attends to
// more than any other, and a request may ask for so few steps that it leaves its own while the oldest takes its last, there is one more.
func (c configs) held(clip bundle.ClipSize) []weights.Held {
	r := c.Runtime
	tokens := c.sizes(clip)[graphTransformer]["tokens"]
	each := 4 * tokens * c.Model.keys() * 2 * c.Model.NumLayers
	cached, flying := int64(r.Slots()), int64(r.WindowSize+2)
	if (plan{c: r}).cleanSees() > r.Slots() && lcm(r.WindowSize, max(len(r.KVRange), 1)) == r.WindowSize {
		flying++
	}
	return []weights.Held{{Name: fmt.Sprintf("keys and values of %d finished chunks and %d in flight, in float32 (half of it in 16 bits)", cached, flying), Bytes: each * (cached + flying)}}
}

// textTokens is the length of a caption.
func (c configs) textTokens() int { return int(c.Model.CaptionTokens) }
