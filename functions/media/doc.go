// Package media turns frames and sound into what people look at and listen to: H.264 and AAC in MP4, whole or in pieces as it
// comes, through an ffmpeg process that is fed raw frames; WAV where there is sound alone; pictures for previews and posters,
// and back again for tests. It opens the pictures and clips that requests bring, within bounds of memory, and scales them as
// the references do. It knows no model.
package media
