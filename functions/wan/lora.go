package wan

import (
	"regexp"
	"strings"
	"sync"
)

// originals are the names of the models' own code for the modules of a transformer, by the diffusers layout's; inside a block
// they are those after "blocks.N.".
var originals = map[string]string{
	"condition_embedder.time_embedder.linear_1": "time_embedding.0", "condition_embedder.time_embedder.linear_2": "time_embedding.2",
	"condition_embedder.time_proj":              "time_projection.1",
	"condition_embedder.text_embedder.linear_1": "text_embedding.0", "condition_embedder.text_embedder.linear_2": "text_embedding.2",
	"condition_embedder.image_embedder.norm1": "img_emb.proj.0", "condition_embedder.image_embedder.ff.net.0.proj": "img_emb.proj.1",
	"condition_embedder.image_embedder.ff.net.2": "img_emb.proj.3", "condition_embedder.image_embedder.norm2": "img_emb.proj.4",
	"condition_embedder.image_embedder.pos_embed": "img_emb.emb_pos",
	"scale_shift_table":                           "head.modulation", "proj_out": "head.head", "patch_embedding": "patch_embedding",

	"attn1.to_q": "self_attn.q", "attn1.to_k": "self_attn.k", "attn1.to_v": "self_attn.v", "attn1.to_out.0": "self_attn.o",
	"attn1.norm_q": "self_attn.norm_q", "attn1.norm_k": "self_attn.norm_k",
	"attn2.to_q": "cross_attn.q", "attn2.to_k": "cross_attn.k", "attn2.to_v": "cross_attn.v", "attn2.to_out.0": "cross_attn.o",
	"attn2.norm_q": "cross_attn.norm_q", "attn2.norm_k": "cross_attn.norm_k",
	"attn2.add_k_proj": "cross_attn.k_img", "attn2.add_v_proj": "cross_attn.v_img", "attn2.norm_added_k": "cross_attn.norm_k_img",
	"ffn.net.0.proj": "ffn.0", "ffn.net.2": "ffn.2", "norm2": "norm3",
}

var inBlock = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(blocks\.\d+\.)(.+)$`)
})

// loraNames are the other names of a transformer's module in LoRA files.
func loraNames(module string) []string {
	block := ""
	if m := inBlock().FindStringSubmatch(module); m != nil {
		if block, module = m[1], m[2]; module == "scale_shift_table" {
			return []string{block + "modulation"}
		}
	}
	name, ok := originals[module]
	if !ok {
		return nil
	}
	names := []string{block + name}
	if short, ok := strings.CutSuffix(block+module, ".to_out.0"); ok {
		names = append(names, short+".to_out") // as files name it that know no list there
	}
	return names
}
