// Package text turns a prompt into the token ids that a text encoder was trained on: the cleaning that the pipelines do,
// and tokenizers as Hugging Face's tokenizer.json describes them, for the unigram family (T5, UMT5)
// and byte-pair encoding (Gemma), whose tokenizer.model is read too. Ids equal those of
// the `tokenizers` library (0.23), its quirks included.
package text
