// Package media turns frames into what people look at: H.264 in MP4 through an ffmpeg process that is fed raw frames as
// they come, pictures for previews and posters, and back again for tests. It opens the pictures that requests bring, within
// bounds of memory, and scales them as the references do. It knows no model.
package media
