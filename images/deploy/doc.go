// Package deploy holds configurations for several nodes behind one address; its tests run nginx on them.
package deploy
