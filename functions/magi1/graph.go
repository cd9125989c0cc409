package magi1

// The graphs of a bundle.
const (
	graphText        = "text_encoder"
	graphTables      = "tables"
	graphTransformer = "transformer"
	graphEncode      = "vae_encoder"
	graphDecode      = "vae_decoder"
)
